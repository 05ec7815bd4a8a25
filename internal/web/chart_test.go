package web

import (
	"encoding/xml"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var nan = math.NaN()

func TestSegmentsNeverBridgeAGap(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []point
		maxGap float64
		want   []int // lengths
	}{
		{"whole", []point{{1, 1}, {2, 2}, {3, 3}}, 1, []int{3}},
		{"missing value", []point{{1, 1}, {2, nan}, {3, 3}}, 0, []int{1, 1}},
		{"infinite value", []point{{1, 1}, {2, math.Inf(1)}, {3, 3}, {4, 4}}, 0, []int{1, 2}},
		{"hole in x", []point{{1, 1}, {2, 2}, {12, 3}, {13, 4}}, 8, []int{2, 2}},
		{"hole without limit", []point{{1, 1}, {12, 3}}, 0, []int{2}},
		{"missing ends", []point{{1, nan}, {2, 2}, {3, nan}}, 1, []int{1}},
		{"nothing", []point{{1, nan}}, 1, nil},
	} {
		segs := segments(c.points, c.maxGap)
		if len(segs) != len(c.want) {
			t.Errorf("%s: %d segments, want %d", c.name, len(segs), len(c.want))
			continue
		}
		for i := range segs {
			if len(segs[i]) != c.want[i] {
				t.Errorf("%s: segment %d has %d points, want %d", c.name, i, len(segs[i]), c.want[i])
			}
		}
		path := pathData(segs, scale{0, 20, 0, 200}, scale{0, 10, 100, 0}, nil)
		if got := strings.Count(path, "M"); got != len(c.want) {
			t.Errorf("%s: path lifts the pen %d times, want %d: %s", c.name, got, len(c.want), path)
		}
	}
}

// Decimation must keep the extremes that a screen could show, and stay small.
func TestDecimationKeepsExtremes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	points := make([]point, 6500)
	y, low, high := 100.0, math.Inf(1), math.Inf(-1)
	for i := range points {
		y += r.Float64()*4 - 2
		points[i] = point{float64(i) / 10, y}
		low, high = math.Min(low, y), math.Max(high, y)
	}
	kept := straighten(decimate(points), 0.3)
	keptLow, keptHigh := math.Inf(1), math.Inf(-1)
	for i, p := range kept {
		keptLow, keptHigh = math.Min(keptLow, p.Y), math.Max(keptHigh, p.Y)
		if i > 0 && p.X < kept[i-1].X {
			t.Fatalf("point %d goes back", i)
		}
	}
	if keptLow != low || keptHigh != high {
		t.Errorf("extremes %v..%v became %v..%v", low, high, keptLow, keptHigh)
	}
	if kept[0] != points[0] || kept[len(kept)-1] != points[len(points)-1] {
		t.Error("an end was dropped")
	}
	if len(kept) > 4*651 {
		t.Errorf("%d points for 651 columns", len(kept))
	}
}

func TestNiceDomain(t *testing.T) {
	for _, c := range []struct {
		min, max float64
		n        int
		lo, hi   float64
		first    []float64
	}{
		{237, 441, 7, 200, 450, []float64{200, 250, 300, 350, 400, 450}},
		{0, 41.3, 5, 0, 50, []float64{0, 10, 20, 30, 40, 50}},
		{-36.2, 0, 4, -40, 0, []float64{-40, -30, -20, -10, 0}},
		{0.12, 0.31, 4, 0.1, 0.35, []float64{0.1, 0.15, 0.2, 0.25, 0.3, 0.35}},
		{5, 5, 4, 4, 6, []float64{4, 4.5, 5, 5.5, 6}},
		{0, 0, 4, -1, 1, []float64{-1, -0.5, 0, 0.5, 1}},
	} {
		lo, hi, ticks := niceDomain(c.min, c.max, c.n)
		if math.Abs(lo-c.lo) > 1e-9 || math.Abs(hi-c.hi) > 1e-9 || len(ticks) != len(c.first) {
			t.Errorf("niceDomain(%v, %v, %d) = %v %v %v, want %v %v %v", c.min, c.max, c.n, lo, hi, ticks, c.lo, c.hi, c.first)
			continue
		}
		for i := range ticks {
			if math.Abs(ticks[i]-c.first[i]) > 1e-9 {
				t.Errorf("tick %d of %v..%v is %v, want %v", i, c.min, c.max, ticks[i], c.first[i])
			}
		}
	}
}

func TestTicksOfTime(t *testing.T) {
	at := func(s string) float64 { d, _ := time.Parse(time.DateOnly, s); return dayNumber(d) }
	labels := func(ticks []tick) string {
		var all []string
		for _, k := range ticks {
			all = append(all, k.Label)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		from, to string
		n        int
		want     string
	}{
		{"2024-12-10", "2025-12-09", 4, "Jan 2025 Apr Jul Oct"},
		{"2025-09-10", "2025-12-09", 8, "Oct 2025 Nov Dec"},
		{"2000-01-03", "2025-12-09", 6, "2005 2010 2015 2020 2025"},
		{"2020-12-10", "2025-12-09", 6, "2021 2022 2023 2024 2025"},
	} {
		if got := labels(dateTicks(at(c.from), at(c.to), c.n)); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.from, c.to, got, c.want)
		}
	}
	if got := labels(seasonTicks(2002, 2023, 5)); got != "2005/06 2010/11 2015/16 2020/21" {
		t.Errorf("seasons: %s", got)
	}
	if season(1999) != "1999/00" {
		t.Errorf("season(1999) = %s", season(1999))
	}
}

func TestLabelsAreSpreadInsideThePlot(t *testing.T) {
	labels := []endLabel{{at: 100}, {at: 101}, {at: 102}, {at: 340}, {at: 345}}
	spread(labels, 18, 350)
	for i := range labels {
		if i > 0 && labels[i].at-labels[i-1].at < labelHeight {
			t.Errorf("labels %d and %d are %v apart", i-1, i, labels[i].at-labels[i-1].at)
		}
		if labels[i].at < 18 || labels[i].at > 350 {
			t.Errorf("label %d at %v", i, labels[i].at)
		}
	}
}

func TestChartIsWellFormedNamedAndEscaped(t *testing.T) {
	hostile := `"><script>alert(1)</script>`
	c := chartSpec{ID: "x", Title: hostile, YTitle: "bags & more", XTicks: seasonTicks, XName: seasonName, Format: millionsAxis, Zero: true,
		Lines: []chartLine{{Name: hostile, Class: "series-close", MaxGap: 1, Points: []point{{2000, 1}, {2001, nan}, {2002, 3}}}}}
	html := string(chartHTML(c))
	if strings.Contains(html, "<script") {
		t.Fatal("a title was not escaped")
	}
	d := xml.NewDecoder(strings.NewReader("<r>" + html + "</r>"))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not well formed: %v\n%s", err, html)
		}
	}
	for _, want := range []string{`role="img"`, `aria-labelledby="x-0-t x-0-d"`, `<title id="x-0-t">`, `<desc id="x-1-d">`, "1 gap where", `class="zero"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
	c.Lines[0].Points = []point{{2000, nan}}
	if got := chartHTML(c); got != "" {
		t.Errorf("a chart of nothing is drawn: %s", got)
	}
}

func TestPositionsOutsideAreNotDrawn(t *testing.T) {
	for _, p := range []float64{-1, 101, nan} {
		if scaleHTML("c", p) != "" {
			t.Errorf("position %v is drawn", p)
		}
	}
	if scaleHTML("c", 0) == "" || scaleHTML("c", 100) == "" || shareHTML("c", nan, 1) != "" || sparkHTML("c", nil, 0) != "" {
		t.Error("an edge is wrong")
	}
}
