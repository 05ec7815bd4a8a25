package upstream

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

const cotHistory = "/www.cftc.gov/files/dea/history/"

// shape is the width of each field of a line, quotes apart: a real line and ours
// of the same year agree.
func shape(line string) string {
	var widths []string
	for _, f := range fields(nil, []byte(line)) {
		if text, quoted := bytes.CutPrefix(f, []byte(`"`)); quoted {
			_, gap, _ := bytes.Cut(text, []byte(`"`))
			widths = append(widths, fmt.Sprintf("text+%d", len(gap)))
			continue
		}
		widths = append(widths, strconv.Itoa(len(f)))
	}
	return strings.Join(widths, " ")
}

// The form of a year's file is the real one's in each of its three eras.
func TestCOTFileHasTheFormOfTheRealOne(t *testing.T) {
	s := New(on("2026-01-15"))
	for _, c := range []struct {
		year int
		kind string
		real string
	}{{2010, "fut", "f_year_2010"}, {2013, "fut", "f_year_2013"}, {2024, "fut", "f_year_2024"}, {2024, "com", "c_year_2024"}} {
		text, err := os.ReadFile(realdata.Path(t, "cot/coffee_only/"+c.real+"_083731.txt"))
		if err != nil {
			t.Fatal(err)
		}
		realLines := strings.Split(strings.ReplaceAll(string(text), "\r", ""), "\n")
		name, ours := unzip(t, body(t, s, fmt.Sprintf("%s%s_disagg_txt_%d.zip", cotHistory, c.kind, c.year)))
		if name != c.kind[:1]+"_year.txt" {
			t.Errorf("member %q", name)
		}
		lines := strings.Split(string(ours), "\r\n")
		if lines[0] != realLines[0] {
			t.Errorf("%d: another header", c.year)
		}
		if lines[len(lines)-1] != "" {
			t.Errorf("%d: no line break at the end", c.year)
		}
		coffee := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(l, ",083731") })
		// Missing values are narrower in some real lines: compare one without.
		with := func(lines []string) string {
			for _, l := range lines[1:] {
				if !strings.Contains(l, ".,") {
					return shape(l)
				}
			}
			return shape(lines[1])
		}
		if got, want := with(coffee), with(realLines); got != want {
			t.Errorf("%d: lines of another form:\n%s\n%s", c.year, got, want)
		}
		if c.year == 2024 && len(coffee) != 53 {
			t.Errorf("2024: %d reports, want 53", len(coffee))
		}
	}
}

type cotLine map[string]string

func (l cotLine) number(t *testing.T, name string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(l[name], 10, 64)
	if err != nil {
		t.Fatalf("%s is %q", name, l[name])
	}
	return n
}

func cotLines(t *testing.T, text []byte) (all []cotLine) {
	t.Helper()
	var names []string
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
		var row []string
		for _, f := range fields(nil, []byte(line)) {
			row = append(row, strings.Trim(string(f), `" `))
		}
		if i == 0 {
			names = row
			continue
		}
		l := cotLine{}
		for n, name := range names {
			l[name] = row[n]
		}
		all = append(all, l)
	}
	return all
}

func column(category, side, crop string) string {
	if category == "Swap" && side != "Long" {
		category = "Swap_"
	}
	return category + "_Positions_" + side + "_" + crop
}

// Every identity that real futures-only files hold, in twenty sample years.
func TestCOTIdentities(t *testing.T) {
	s := New(on("2026-01-15"))
	_, text := unzip(t, body(t, s, cotHistory+"fut_disagg_txt_hist_2006_2016.zip"))
	all := cotLines(t, text)
	for year := 2017; year <= 2026; year++ {
		_, text := unzip(t, body(t, s, fmt.Sprintf("%sfut_disagg_txt_%d.zip", cotHistory, year)))
		all = append(all, cotLines(t, text)...)
	}
	slices.SortStableFunc(all, func(a, b cotLine) int {
		return strings.Compare(a["CFTC_Contract_Market_Code"]+a["Report_Date_as_YYYY-MM-DD"], b["CFTC_Contract_Market_Code"]+b["Report_Date_as_YYYY-MM-DD"])
	})
	if want := len(reported) * 1022; len(all) != want { // 2006-06-13 to 2026-01-06
		t.Errorf("%d rows, want %d", len(all), want)
	}
	lowest, highest, positive := math.Inf(1), math.Inf(-1), 0
	for i, l := range all {
		for _, crop := range []string{"All", "Old", "Other"} {
			long, short := int64(0), int64(0)
			for _, c := range []string{"Prod_Merc", "Swap", "M_Money", "Other_Rept", "NonRept"} {
				for _, side := range cotSides(c) {
					n := l.number(t, column(c, side, crop))
					if n < 0 {
						t.Fatalf("%s %s %s is %d", c, side, crop, n)
					}
					if side != "Short" {
						long += n
					}
					if side != "Long" {
						short += n
					}
				}
			}
			if interest := l.number(t, "Open_Interest_"+crop); long != interest || short != interest {
				t.Fatalf("%v %s: %d long, %d short of %d", l["Report_Date_as_YYYY-MM-DD"], crop, long, short, interest)
			}
		}
		if l.number(t, "Open_Interest_All") != l.number(t, "Open_Interest_Old")+l.number(t, "Open_Interest_Other") {
			t.Fatal("crops do not make the whole")
		}
		share := 100 * float64(l.number(t, "M_Money_Positions_Long_All")) / float64(l.number(t, "Open_Interest_All"))
		if got := l["Pct_of_OI_M_Money_Long_All"]; got != strconv.FormatFloat(math.Round(share*10)/10, 'f', 1, 64) {
			t.Fatalf("%s %% printed, %v %%", got, share)
		}
		if i == 0 || all[i-1]["CFTC_Contract_Market_Code"] != l["CFTC_Contract_Market_Code"] {
			if l["Change_in_Open_Interest_All"] != "." || l["Report_Date_as_YYYY-MM-DD"] != "2006-06-13" {
				t.Fatalf("first report %v", l["Report_Date_as_YYYY-MM-DD"])
			}
			continue
		}
		for _, c := range cotNames {
			for _, side := range cotSides(c) {
				if l.number(t, "Change_in_"+c+"_"+side+"_All") != l.number(t, column(c, side, "All"))-all[i-1].number(t, column(c, side, "All")) {
					t.Fatalf("%s: change of %s %s", l["Report_Date_as_YYYY-MM-DD"], c, side)
				}
			}
		}
		if l["CFTC_Contract_Market_Code"] == "083731" {
			net := 100 * float64(l.number(t, "M_Money_Positions_Long_All")-l.number(t, "M_Money_Positions_Short_All")) / float64(l.number(t, "Open_Interest_All"))
			lowest, highest = min(lowest, net), max(highest, net)
			if net > 0 {
				positive++
			}
		}
	}
	// Real nets went from about -20 to 30 % of the open interest.
	if lowest < -45 || lowest > -5 || highest > 45 || highest < 10 || positive < 250 || positive > 800 {
		t.Errorf("nets of coffee from %.1f to %.1f %%, %d of 1,022 positive", lowest, highest, positive)
	}
}

// Files come out by the calendar, only grow, and are the same bytes for the same
// seed and day.
func TestCOTFilesOverTime(t *testing.T) {
	name := cotHistory + "fut_disagg_txt_2026.zip"
	if resp := ask(t, New(on("2026-01-09")), http.MethodGet, name); resp.StatusCode != http.StatusNotFound {
		t.Errorf("before 15:30 of the first release: HTTP %d", resp.StatusCode)
	}
	_, first := unzip(t, body(t, New(on("2026-01-10")), name))
	s := New(on("2026-03-02"))
	_, later := unzip(t, body(t, s, name))
	if !bytes.Equal(body(t, s, name), body(t, New(on("2026-03-02")), name)) {
		t.Error("other bytes for the same day")
	}
	if other := on("2026-03-02"); true {
		other.Seed++
		if bytes.Equal(body(t, s, name), body(t, New(other), name)) {
			t.Error("the same bytes for another seed")
		}
	}
	for _, line := range bytes.Split(first, []byte("\r\n")) {
		if !bytes.Contains(later, line) {
			t.Fatalf("a report changed: %.80s", line)
		}
	}
	if got := len(cotLines(t, later)); got != 8*len(reported) { // six of January and February's Tuesdays are more
		t.Errorf("%d rows in March", got)
	}
	resp := ask(t, s, http.MethodGet, name)
	if got, want := resp.Header.Get("Last-Modified"), time.Date(2026, time.February, 27, 20, 30, 0, 0, time.UTC).Format(http.TimeFormat); got != want {
		t.Errorf("Last-Modified %s, want %s", got, want)
	}
	for _, absent := range []string{"fut_disagg_txt_2009.zip", "fut_disagg_txt_2027.zip", "deahistfo2024.zip", "fut_disagg_txt_hist_2006_2017.zip"} {
		if resp := ask(t, s, http.MethodGet, cotHistory+absent); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", absent, resp.StatusCode)
		}
	}
}

func TestCOTFaults(t *testing.T) {
	s := New(on("2026-03-02"))
	name := cotHistory + "fut_disagg_txt_2026.zip"
	_, good := unzip(t, body(t, s, name))
	for _, f := range []Fault{{Kind: RenameColumn, Column: "Open_Interest_All"}, {Kind: DropColumn, Column: "Open_Interest_All"}, {Kind: WrongType, Column: "Open_Interest_All"},
		{Kind: AddColumn}, {Kind: ReorderColumns}, {Kind: FewerRows}, {Kind: Revise}} {
		f.Path = name
		if err := s.SetFaults(f); err != nil {
			t.Fatal(err)
		}
		_, bad := unzip(t, body(t, s, name))
		if bytes.Equal(good, bad) {
			t.Errorf("%s changes nothing", f.Kind)
		}
	}
}
