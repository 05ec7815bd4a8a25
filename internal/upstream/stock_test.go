package upstream

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

const stockHost = "/www.ice.com/publicdocs/futures_us_reports/coffee/"

// texts are the headings and labels of a grid, without origins, dates and
// footnotes: what a reader finds its way by.
func texts(cells []xlsCell) []string {
	origins := map[string]bool{}
	for _, o := range stockOrigins {
		origins[o] = true
	}
	var all []string
	for _, c := range cells {
		if c.isNumber || origins[c.text] || strings.HasPrefix(c.text, "As of") || len(c.text) > 60 || strings.HasPrefix(c.text, "Click") {
			continue
		}
		all = append(all, c.text)
	}
	return all
}

// The sample's report has the real one's headings and labels, in its order.
func TestStockReportIsLaidOutAsTheRealOne(t *testing.T) {
	body, err := os.ReadFile(realdata.Path(t, "ice_stocks/coffee_cert_stock_20251226.cells.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var theirs []xlsCell
	for _, r := range rows[1:] {
		row, _ := strconv.Atoi(r[0]) // digits
		col, _ := strconv.Atoi(r[1])
		theirs = append(theirs, xlsCell{row: row, col: col, text: r[3], isNumber: r[2] == "n"})
	}
	ports := []int{0, 1, 2, 3, 4, 5, 6, 7}
	var held matrix
	held[0][0] = 5
	quiet := StockReport{AsOf: day(2025, time.December, 26), Certified: held.table(ports), Transition: held.table(ports[:3]), Pending: held.table(ports)}
	ours := texts(quiet.grid(Layout2023).cells)
	if got, want := strings.Join(ours, "|"), strings.Join(texts(theirs), "|"); got != want {
		t.Errorf("labels\n%s\nwant\n%s", got, want)
	}
}

func TestStockFilesComeWhenICEPublishesThem(t *testing.T) {
	at := func(hour, minute int) time.Time {
		return time.Date(2025, time.December, 4, hour, minute, 0, 0, time.FixedZone("EST", -5*3600))
	}
	now := at(13, 0)
	s := New(Options{Now: func() time.Time { return now }})
	defer s.Close()
	status := func(name string) int { return ask(t, s, http.MethodGet, stockHost+name).StatusCode }
	for _, c := range []struct {
		now  time.Time
		name string
		want int
	}{
		{at(13, 0), "coffee_cert_stock_20251204.xls", 404}, // at about 13:30
		{at(13, 59), "coffee_cert_stock_20251204.xls", 200},
		{at(13, 59), "coffee_cert_stock_20251205.xls", 404}, // tomorrow
		{at(13, 59), "coffee_cert_stock_20251127.xls", 404}, // Thanksgiving
		{at(13, 59), "coffee_cert_stock_20251129.xls", 404}, // Saturday
		{at(13, 59), "coffee_cert_stock_20160104.xls", 200},
		{at(13, 59), "coffee_cert_stock_20151231.xls", 404}, // before the first
		{at(13, 59), "coffee_aging_20251128.xls", 200},
		{at(13, 59), "coffee_aging_20251130.xls", 404}, // the month's last day is a Sunday
		{at(13, 59), "coffee_aging_20201231.xls", 404}, // before the first
		{at(13, 59), "EOM_KC_cert_stox_by_port_nov96-present.xls", 200},
		{at(13, 59), "coffee_cert_stock_20251399.xls", 404},
		{at(13, 59), "Coffee_C_Cert_Stocks.xls", 404},
	} {
		now = c.now
		if got := status(c.name); got != c.want {
			t.Errorf("%s at %s: %d, want %d", c.name, c.now.Format("15:04"), got, c.want)
		}
	}
}

// A later day only adds: what was published stays as it was.
func TestStockFilesStayAsTheyWere(t *testing.T) {
	on := func(d time.Time) *Server { return New(Options{Today: d}) }
	before, after := on(day(2025, time.December, 4)), on(day(2026, time.January, 20))
	defer before.Close()
	defer after.Close()
	for _, name := range []string{"coffee_cert_stock_20160104.xls", "coffee_cert_stock_20251203.xls", "coffee_aging_20251128.xls"} {
		a, b := body(t, before, stockHost+name), body(t, after, stockHost+name)
		if !bytes.Equal(a, b) {
			t.Errorf("%s changed", name)
		}
	}
	other := New(Options{Today: day(2025, time.December, 4), Seed: 7})
	defer other.Close()
	if bytes.Equal(body(t, before, stockHost+"coffee_cert_stock_20251203.xls"), body(t, other, stockHost+"coffee_cert_stock_20251203.xls")) {
		t.Error("another seed gives the same figures")
	}
}
