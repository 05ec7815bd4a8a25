package web

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// point is one observation of a chart; a Y of NaN is a missing one.
type point struct{ X, Y float64 }

// segments cuts points at missing values and where two neighbours are more than
// maxGap apart (0: no limit), so that a line never bridges what is not known.
func segments(points []point, maxGap float64) [][]point {
	var all [][]point
	var run []point
	flush := func() {
		if len(run) > 0 {
			all = append(all, run)
		}
		run = nil
	}
	for _, p := range points {
		if math.IsNaN(p.Y) || math.IsInf(p.Y, 0) {
			flush()
			continue
		}
		if len(run) > 0 && maxGap > 0 && p.X-run[len(run)-1].X > maxGap {
			flush()
		}
		run = append(run, p)
	}
	flush()
	return all
}

// decimate keeps of every pixel column its first, lowest, highest and last
// point: what a screen of that width can show. Points are pixels, ordered by x.
func decimate(points []point) []point {
	out := make([]point, 0, len(points))
	for i := 0; i < len(points); {
		column := math.Floor(points[i].X)
		j, low, high := i, i, i
		for ; j < len(points) && math.Floor(points[j].X) == column; j++ {
			if points[j].Y < points[low].Y {
				low = j
			}
			if points[j].Y > points[high].Y {
				high = j
			}
		}
		last := -1
		for _, k := range [4]int{i, min(low, high), max(low, high), j - 1} {
			if k != last {
				out = append(out, points[k])
			}
			last = k
		}
		i = j
	}
	return out
}

// straighten drops points that lie within tolerance pixels of the line between
// their kept neighbours (Ramer-Douglas-Peucker).
func straighten(points []point, tolerance float64) []point {
	if len(points) < 3 {
		return points
	}
	keep := make([]bool, len(points))
	keep[0], keep[len(points)-1] = true, true
	stack := [][2]int{{0, len(points) - 1}}
	for len(stack) > 0 {
		span := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		a, b := points[span[0]], points[span[1]]
		length := math.Hypot(b.X-a.X, b.Y-a.Y)
		worst, at := tolerance, -1
		for i := span[0] + 1; i < span[1]; i++ {
			p := points[i]
			d := math.Hypot(p.X-a.X, p.Y-a.Y)
			if length > 0 {
				d = math.Abs((b.X-a.X)*(a.Y-p.Y)-(a.X-p.X)*(b.Y-a.Y)) / length
			}
			if d > worst {
				worst, at = d, i
			}
		}
		if at >= 0 {
			keep[at] = true
			stack = append(stack, [2]int{span[0], at}, [2]int{at, span[1]})
		}
	}
	out := points[:0:0]
	for i, p := range points {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

// pathData writes one subpath a segment, relative and to a tenth of a pixel.
// With a floor each subpath is closed down to that y, for areas. A segment of a
// single point becomes a dot (a line of no length with round caps).
func pathData(segs [][]point, x, y scale, floor *float64) string {
	var b strings.Builder
	for _, seg := range segs {
		pixels := make([]point, len(seg))
		for i, p := range seg {
			pixels[i] = point{x.px(p.X), y.px(p.Y)}
		}
		pixels = straighten(decimate(pixels), 0.3)
		if floor != nil {
			pixels = append(append([]point{{pixels[0].X, *floor}}, pixels...), point{pixels[len(pixels)-1].X, *floor})
		}
		var px, py int
		for i, p := range pixels {
			nx, ny := int(math.Round(p.X*10)), int(math.Round(p.Y*10))
			if i == 0 {
				b.WriteString("M" + tenths(nx) + " " + tenths(ny))
			} else {
				b.WriteString("l" + tenths(nx-px) + " " + tenths(ny-py))
			}
			px, py = nx, ny
		}
		switch {
		case floor != nil:
			b.WriteString("z")
		case len(pixels) == 1:
			b.WriteString("h0")
		}
	}
	return b.String()
}

// bandData is the outline of what lies between two lines: along the upper one and
// back along the lower.
func bandData(low, high []point, x, y scale) string {
	edge := func(line []point) []point {
		pixels := make([]point, len(line))
		for i, p := range line {
			pixels[i] = point{x.px(p.X), y.px(p.Y)}
		}
		return straighten(decimate(pixels), 0.3)
	}
	back := edge(low)
	slices.Reverse(back)
	var b strings.Builder
	command := byte('M')
	for _, p := range slices.Concat(edge(high), back) {
		b.WriteByte(command)
		b.WriteString(tenths(int(math.Round(p.X*10))) + " " + tenths(int(math.Round(p.Y*10))))
		command = 'L'
	}
	b.WriteByte('z')
	return b.String()
}

// tenths writes n/10 in the fewest characters.
func tenths(n int) string {
	s := strconv.FormatFloat(float64(n)/10, 'f', -1, 64)
	if rest, ok := strings.CutPrefix(s, "0."); ok {
		return "." + rest
	}
	if rest, ok := strings.CutPrefix(s, "-0."); ok {
		return "-." + rest
	}
	return s
}
