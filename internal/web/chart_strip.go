package web

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// stripRow is one row of a strip chart: a dot between 0 and 100.
type stripRow struct {
	Name, Value string // left and right of the row
	Class       string // colour
	At          num    // 0 to 100; unknown leaves the row empty
	Weight      num    // % of the whole, as the dot's area
}

// stripSpec describes rows of dots over one scale from 0 to 100, of which the
// middle eight tenths are shaded.
type stripSpec struct {
	ID, Title, Describe string
	Low, Middle, High   string // words at 0, 50 and 100
	Rows                []stripRow
}

// stripHTML draws the chart for desk and for phone; the style sheet shows one.
func stripHTML(c stripSpec) template.HTML {
	if len(c.Rows) == 0 {
		return ""
	}
	var b strings.Builder
	for i, s := range []struct {
		class                        string
		width, left, right, row, top float64
	}{{"chart wide", 800, 150, 128, 26, 30}, {"chart narrow", 360, 112, 52, 25, 30}} {
		id, height := fmt.Sprintf("%s-%d", c.ID, i), s.top+s.row*float64(len(c.Rows))+6
		x := scale{0, 100, s.left, s.width - s.right}
		fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %g %g" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
			s.class, s.width, height, id, id, id, esc(c.Title), id, esc(c.Describe))
		fmt.Fprintf(&b, `<rect class="bandfill" x="%.1f" y="%g" width="%.1f" height="%.1f"/>`, x.px(10), s.top-4, x.px(90)-x.px(10), height-s.top)
		for _, at := range []float64{0, 50, 100} {
			fmt.Fprintf(&b, `<path class="gridline" d="M%.1f %gV%.1f"/>`, x.px(at), s.top-4, height-4)
		}
		for _, t := range []struct {
			at    float64
			class string
			text  string
		}{{0, "tick", c.Low}, {50, "tick mid", c.Middle}, {100, "tick end", c.High}} {
			fmt.Fprintf(&b, `<text class="%s" x="%.1f" y="14">%s</text>`, t.class, x.px(t.at), esc(t.text))
		}
		for n, row := range c.Rows {
			y := s.top + s.row*(float64(n)+0.5) - 2
			fmt.Fprintf(&b, `<text class="rowname" x="%.1f" y="%.1f">%s</text><path class="track" d="M%.1f %.1fH%.1f"/>`, 0.0, y+4, esc(row.Name), x.from, y, x.to)
			if row.At.Valid {
				radius := 4.0
				if row.Weight.Valid {
					radius = 3 + 1.7*math.Sqrt(math.Max(0, math.Min(row.Weight.V, 30)))
				}
				fmt.Fprintf(&b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="%.1f"/>`, esc(row.Class), x.px(math.Max(0, math.Min(100, row.At.V))), y, radius)
			}
			value := row.Value
			if i == 1 {
				value, _, _ = strings.Cut(value, " of ") // a phone has room for the number
			}
			fmt.Fprintf(&b, `<text class="label end %s" x="%g" y="%.1f">%s</text>`, esc(row.Class), s.width, y+4, esc(value))
		}
		b.WriteString(`</svg>`)
	}
	return template.HTML(b.String())
}
