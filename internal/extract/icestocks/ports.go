package icestocks

import "strings"

// port is a delivery point as the CSV names it.
type port struct{ code, name string }

// total is the label of a column or row that sums the others.
const total = "TOTAL"

// ports are ICE's delivery points by every label that its reports have used.
func ports() map[string]port {
	known := map[string]port{}
	for _, p := range []struct {
		port
		labels []string
	}{
		{port{"ANT", "Antwerp"}, []string{"ANT", "ANTWERP"}},
		{port{"BAR", "Barcelona"}, []string{"BAR", "BARCELONA"}},
		{port{"HA/BR", "Hamburg/Bremen"}, []string{"HA/BR", "HAM/BRE", "HAM/BREM", "HAM", "HAMBURG", "HAMBURG/BREMEN", "BREMEN/HAMBURG"}},
		{port{"HOU", "Houston"}, []string{"HOU", "HOUSTON"}},
		{port{"MIAMI", "Miami"}, []string{"MIAMI", "MIA"}},
		{port{"NOLA", "New Orleans"}, []string{"NOLA", "NO", "NOR", "N.O.", "NEW ORLEANS"}},
		{port{"NY", "New York"}, []string{"NY", "NYK", "N.Y.", "NEW YORK"}},
		{port{"VA", "Virginia"}, []string{"VA", "VIR", "VIRGINIA", "NORFOLK"}},
	} {
		for _, label := range p.labels {
			known[label] = p.port
		}
	}
	return known
}

// label is a heading in one form: capitals, one space between words, none
// around a slash, no colon at the end.
func label(text string) string {
	words := strings.Join(strings.Fields(strings.ToUpper(strings.ReplaceAll(text, "\u00a0", " "))), " ")
	words = strings.ReplaceAll(strings.ReplaceAll(words, " /", "/"), "/ ", "/")
	return strings.TrimSpace(strings.TrimRight(words, ":"))
}

// isTotal says whether a label is one of a sum: "Total in Bags", "Total".
func isTotal(label string) bool {
	switch label {
	case total, "TOTALS", "TOTAL IN BAGS", "TOTAL BAGS", "GRAND TOTAL", "TOTAL CERTIFIED":
		return true
	}
	return false
}
