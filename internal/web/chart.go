package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// chartLine is one series of a chart, labelled where it ends.
type chartLine struct {
	Name   string
	Class  string // colour class: the same series has the same one on every page
	Points []point
	MaxGap float64 // in units of x: a wider hole is left open; 0 for none
	Area   bool    // filled down (or up) to zero
	Main   bool    // its last value is printed beside its name on phones too
}

// chartLevel is a horizontal stretch, such as a 52-week high; without a name only
// the stretch is drawn.
type chartLevel struct {
	Name        string
	Y, From, To float64
}

// chartBand is an area between two series of the same x, drawn under the lines.
type chartBand struct {
	Name, Class string // the name is for the description: a caption says it to the eye
	Low, High   []point
}

// chartSpec describes a line chart. Nothing in it needs to be escaped before.
type chartSpec struct {
	ID     string // unique on the page
	Title  string // what a screen reader says first
	YTitle string // unit
	XTicks func(min, max float64, n int) []tick
	XName  func(float64) string // x in words, for the description
	Format func(float64) string // a value with its decimals
	Zero   bool                 // the axis includes zero, drawn as a line
	Small  bool                 // half the width of the page
	Lines  []chartLine
	Levels []chartLevel
	Bands  []chartBand
	Marks  []float64 // x of ticks above the base line, such as contract rolls
}

// chartSize is a drawing in pixels, with type that stays legible at that width.
type chartSize struct {
	class         string
	width, height float64
	xEvery        float64 // pixels that an x label needs
	phone         bool
}

var chartSizes = map[bool][2]chartSize{
	false: {{"chart wide", 800, 400, 76, false}, {"chart narrow", 360, 280, 58, true}},
	true:  {{"chart wide", 560, 250, 64, false}, {"chart narrow", 360, 220, 58, true}},
}

// chartHTML draws the chart twice, for desk and for phone; the style sheet shows
// one. Empty when no line has a single value.
func chartHTML(c chartSpec) template.HTML {
	var b strings.Builder
	for i, size := range chartSizes[c.Small] {
		d := drawing{chartSpec: c, size: size, b: &b, id: fmt.Sprintf("%s-%d", c.ID, i)}
		if !d.measure() {
			return ""
		}
		d.draw()
	}
	return template.HTML(b.String())
}

type drawing struct {
	chartSpec
	size   chartSize
	b      *strings.Builder
	id     string
	x, y   scale
	yTicks []float64
	labels []endLabel
}

// endLabel names a line at its last known value.
type endLabel struct {
	x, y, at    float64 // end of the line; at is y after labels were spread
	class, name string
	value       string
	main        bool
}

func (d *drawing) measure() bool {
	xMin, xMax, yMin, yMax := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, l := range d.Lines {
		for _, p := range l.Points {
			xMin, xMax = math.Min(xMin, p.X), math.Max(xMax, p.X)
			if !math.IsNaN(p.Y) {
				yMin, yMax = math.Min(yMin, p.Y), math.Max(yMax, p.Y)
			}
		}
	}
	if yMin > yMax {
		return false
	}
	for _, b := range d.Bands {
		for _, p := range slices.Concat(b.Low, b.High) {
			if !math.IsNaN(p.Y) {
				yMin, yMax = math.Min(yMin, p.Y), math.Max(yMax, p.Y)
			}
		}
	}
	for _, l := range d.Levels {
		yMin, yMax = math.Min(yMin, l.Y), math.Max(yMax, l.Y)
	}
	if d.Zero {
		yMin, yMax = math.Min(yMin, 0), math.Max(yMax, 0)
	}
	lo, hi, ticks := niceDomain(yMin, yMax, int(d.size.height/46))
	d.yTicks = ticks
	left, right := 10.0, 14.0
	for _, t := range ticks {
		left = math.Max(left, 8+textWidth(axisLabel(t, ticks)))
	}
	for _, l := range d.Lines {
		if p, ok := lastKnown(l.Points); ok {
			d.labels = append(d.labels, endLabel{x: p.X, y: p.Y, class: l.Class, name: l.Name, value: d.Format(p.Y), main: l.Main})
			right = math.Max(right, 12+boldWidth*textWidth(d.labelText(d.labels[len(d.labels)-1])))
		}
	}
	d.x = scale{xMin, xMax, left, d.size.width - right}
	d.y = scale{lo, hi, d.size.height - 26, 26}
	return true
}

func (d *drawing) draw() {
	d.printf(`<svg class="%s" viewBox="0 0 %g %g" role="img" aria-labelledby="%s-t %s-d">`, d.size.class, d.size.width, d.size.height, d.id, d.id)
	d.printf(`<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, d.id, esc(d.Title), d.id, esc(d.describe()))
	d.axes()
	d.bands()
	d.levels()
	for _, l := range d.Lines {
		segs := segments(l.Points, l.MaxGap)
		if l.Area {
			zero := d.y.px(math.Max(d.y.min, 0))
			if d.y.max <= 0 {
				zero = d.y.px(d.y.max)
			}
			d.printf(`<path class="area %s" d="%s"/>`, esc(l.Class), pathData(segs, d.x, d.y, &zero))
		}
		weight := ""
		switch {
		case len(l.Points) > 3*int(d.size.width/2):
			weight = " dense"
		case l.Main:
			weight = " main"
		}
		d.printf(`<path class="line%s %s" d="%s"/>`, weight, esc(l.Class), pathData(segs, d.x, d.y, nil))
	}
	d.marks()
	d.endLabels()
	d.printf(`</svg>`)
}

// axes draws grid lines at labelled ticks only, and the unit above them.
func (d *drawing) axes() {
	d.printf(`<text class="unit" x="0" y="12">%s</text>`, esc(d.YTitle))
	for _, t := range d.yTicks {
		class, y := "gridline", d.y.px(t)
		if t == 0 && d.Zero {
			class = "zero"
		}
		d.printf(`<path class="%s" d="M%.1f %.1fH%.1f"/><text class="tick end" x="%.1f" y="%.1f">%s</text>`,
			class, d.x.from, y, d.x.to, d.x.from-6, y+4, axisLabel(t, d.yTicks))
	}
	most := int((d.x.to - d.x.from) / d.size.xEvery)
	for _, t := range d.XTicks(d.x.min, d.x.max, max(most, 2)) {
		x := d.x.px(t.At)
		if half := textWidth(t.Label) / 2; x+half > d.size.width || x-half < 0 {
			continue
		}
		d.printf(`<path class="gridline" d="M%.1f %.1fv5"/><text class="tick mid" x="%.1f" y="%.1f">%s</text>`,
			x, d.y.from, x, d.y.from+19, esc(t.Label))
	}
}

// bands fills between low and high where both are known.
func (d *drawing) bands() {
	for _, b := range d.Bands {
		low, high := segments(b.Low, 0), segments(b.High, 0)
		if len(low) != len(high) {
			continue // holes of different shapes
		}
		for n := range low {
			d.printf(`<path class="area %s" d="%s"/>`, esc(b.Class), bandData(low[n], high[n], d.x, d.y))
		}
	}
}

func (d *drawing) levels() {
	for _, l := range d.Levels {
		from, to := math.Max(l.From, d.x.min), math.Min(l.To, d.x.max)
		if from >= to {
			continue
		}
		if l.Name == "" { // the axis says where it is
			d.printf(`<path class="level" d="M%.1f %.1fH%.1f"/>`, d.x.px(from), d.y.px(l.Y), d.x.px(to))
			continue
		}
		y, label := d.y.px(l.Y), l.Name+" "+d.Format(l.Y)
		x, at, class := d.x.px(from)+2, y-5, "tick halo"
		if d.x.px(to)-x < textWidth(label) { // a short stretch is named on its left
			x, at, class = x-6, y+4, "tick halo end"
		}
		d.printf(`<path class="level" d="M%.1f %.1fH%.1f"/><text class="%s" x="%.1f" y="%.1f">%s</text>`,
			d.x.px(from), y, d.x.px(to), class, x, at, esc(label))
	}
}

func (d *drawing) marks() {
	if len(d.Marks) == 0 {
		return
	}
	var path strings.Builder
	for _, m := range d.Marks {
		if m >= d.x.min && m <= d.x.max {
			fmt.Fprintf(&path, "M%.1f %.1fv-7", d.x.px(m), d.y.from)
		}
	}
	d.printf(`<path class="mark" d="%s"/>`, path.String())
}

const (
	labelHeight = 15
	boldWidth   = 1.15 // of bold type, against the plain of the axes
)

// endLabels marks each line's last value and names it there, moved apart where
// names would cover each other.
func (d *drawing) endLabels() {
	for i := range d.labels {
		d.labels[i].x, d.labels[i].y = d.x.px(d.labels[i].x), d.y.px(d.labels[i].y)
		d.labels[i].at = d.labels[i].y
	}
	slices.SortStableFunc(d.labels, func(a, b endLabel) int {
		switch {
		case a.y < b.y:
			return -1
		case a.y > b.y:
			return 1
		}
		return 0
	})
	spread(d.labels, 18, d.y.from)
	for _, l := range d.labels {
		d.printf(`<circle class="dot %s" cx="%.1f" cy="%.1f" r="3"/>`, esc(l.class), l.x, l.y)
		if math.Abs(l.at-l.y) > 6 {
			d.printf(`<path class="lead-line %s" d="M%.1f %.1fL%.1f %.1f"/>`, esc(l.class), l.x+4, l.y, l.x+8, l.at)
		}
		d.printf(`<text class="label %s" x="%.1f" y="%.1f">%s</text>`, esc(l.class), l.x+9, l.at+4, esc(d.labelText(l)))
	}
}

// spread pushes labels, sorted by y, at least labelHeight apart, inside
// [top, bottom] as far as they fit.
func spread(labels []endLabel, top, bottom float64) {
	for i := range labels {
		floor := top
		if i > 0 {
			floor = labels[i-1].at + labelHeight
		}
		labels[i].at = math.Max(labels[i].at, floor)
	}
	ceiling := bottom
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].at = math.Min(labels[i].at, ceiling)
		ceiling = labels[i].at - labelHeight
	}
}

// labelText is name and value where there is room. On phones a single line needs
// no name, and of several lines only the main ones print a value, if it is short.
func (d *drawing) labelText(l endLabel) string {
	both := l.name + " " + l.value
	switch {
	case !d.size.phone:
		return both
	case len(d.Lines) == 1:
		return l.value
	case l.main && len(both) <= 13:
		return both
	}
	return l.name
}

// describe tells in words what the drawing shows; the numbers are in the table.
func (d *drawing) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s to %s.", d.YTitle, d.XName(d.x.min), d.XName(d.x.max))
	for _, l := range d.Lines {
		p, ok := lastKnown(l.Points)
		if !ok {
			fmt.Fprintf(&b, " %s: no values.", l.Name)
			continue
		}
		fmt.Fprintf(&b, " %s ends at %s (%s).", l.Name, d.Format(p.Y), d.XName(p.X))
		if n := len(segments(l.Points, l.MaxGap)); n > 1 {
			fmt.Fprintf(&b, " It has %s where values are missing.", count(int64(n-1), "gap"))
		}
	}
	for _, l := range d.Bands {
		low, okLow := lastKnown(l.Low)
		high, okHigh := lastKnown(l.High)
		if okLow && okHigh {
			fmt.Fprintf(&b, " %s: %s to %s (%s).", l.Name, d.Format(low.Y), d.Format(high.Y), d.XName(high.X))
		}
	}
	for _, l := range d.Levels {
		fmt.Fprintf(&b, " %s.", strings.TrimSpace(l.Name+" "+d.Format(l.Y)))
	}
	return b.String()
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d.b, format, args...) }

func lastKnown(points []point) (point, bool) {
	for i := len(points) - 1; i >= 0; i-- {
		if !math.IsNaN(points[i].Y) {
			return points[i], true
		}
	}
	return point{}, false
}

// textWidth estimates the width in pixels of figures and short words at 12 px.
func textWidth(s string) float64 { return 6.6 * float64(len([]rune(s))) }

// axisLabel prints a tick with no more decimals than its axis needs.
func axisLabel(v float64, ticks []float64) string {
	decimals := 0
	for _, t := range ticks {
		for decimals < 3 && math.Abs(t*math.Pow10(decimals)-math.Round(t*math.Pow10(decimals))) > 1e-6 {
			decimals++
		}
	}
	return number(v, decimals)
}

func esc(s string) string { return template.HTMLEscapeString(s) }
