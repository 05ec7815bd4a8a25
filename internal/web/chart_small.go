package web

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// sparkHTML is a line of a word's size without axes; its last value is marked.
// It stands beside the number that it illustrates, so it is hidden from screen
// readers.
func sparkHTML(class string, points []point, maxGap float64) template.HTML {
	const width, height = 160, 36
	last, ok := lastKnown(points)
	if !ok {
		return ""
	}
	x := scale{points[0].X, points[len(points)-1].X, 3, width - 5}
	y := scale{last.Y, last.Y, height - 4, 4}
	for _, p := range points {
		if !math.IsNaN(p.Y) {
			y.min, y.max = math.Min(y.min, p.Y), math.Max(y.max, p.Y)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %d %d" aria-hidden="true"><path class="line %s" d="%s"/>`,
		width, height, esc(class), pathData(segments(points, maxGap), x, y, nil))
	fmt.Fprintf(&b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="2.5"/></svg>`, esc(class), x.px(last.X), y.px(last.Y))
	return template.HTML(b.String())
}

// scaleHTML marks a position between 0 and 100 on a rule with its quarters. The
// sentence beside it says the same, so it is hidden from screen readers. Empty
// for a position outside or unknown.
func scaleHTML(class string, percent float64) template.HTML {
	if !(percent >= 0 && percent <= 100) { // NaN too
		return ""
	}
	const width = 160
	at := 4 + percent/100*(width-8)
	return template.HTML(fmt.Sprintf(`<svg class="rank" viewBox="0 0 %d 14" aria-hidden="true"><path class="track" d="M4 7H%dM4 3v8M%d 5v4M%d 5v4M%d 5v4M%d 3v8"/><path class="fill %s" d="M4 7H%.1f"/><circle class="dot %s" cx="%.1f" cy="7" r="4"/></svg>`,
		width, width-4, 4+(width-8)/4, width/2, 4+3*(width-8)/4, width-4, esc(class), at, esc(class), at))
}

// shareHTML is a bar for a share of 100 in a table's row.
func shareHTML(class string, percent, most float64) template.HTML {
	if !(percent >= 0) || most <= 0 {
		return ""
	}
	const width = 120
	return template.HTML(fmt.Sprintf(`<svg class="share" viewBox="0 0 %d 10" aria-hidden="true"><rect class="fillbar %s" y="1" width="%.1f" height="8"/></svg>`,
		width, esc(class), math.Min(percent/most, 1)*width))
}
