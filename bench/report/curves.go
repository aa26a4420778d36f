package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/musterfleet/muster/bench/work"
)

// curves draws a line for each peer over the points of a kind of work.
func curves(kind, metric, title string, logarithmic bool) func(*strings.Builder, work.Results) {
	return func(out *strings.Builder, r work.Results) {
		text(out, 16, 18, "start", "#222222", `font-weight="bold"`, title)
		t := find(r, kind, metric)
		if len(t.Cells) == 0 || len(t.Points) < 2 {
			text(out, 16, 60, "start", "#666666", "", "not measured")
			return
		}
		const top, bottom = 34.0, panelHeight - 40
		x := axis{from: value(t.Points[0]), to: value(t.Points[len(t.Points)-1]), at: 60, end: panelWidth - 190, log: true}
		y := axis{from: 0, to: 1.05, at: bottom, end: top} // what lies above is noise
		ticks := []float64{0, 0.25, 0.5, 0.75, 1}
		if logarithmic {
			y, ticks = logAxis(t, bottom, top)
		}
		for _, v := range ticks {
			line(out, x.at, y.place(v), x.end, y.place(v), "#dddddd", 1)
			text(out, x.at-8, y.place(v)+4, "end", "#666666", "", short(v))
		}
		for i, point := range t.Points {
			line(out, x.place(value(point)), bottom, x.place(value(point)), bottom+4, "#666666", 1)
			if i%2 == 0 || len(t.Points) < 6 {
				text(out, x.place(value(point)), bottom+18, "middle", "#666666", "", point)
			}
		}
		row := 0
		for _, p := range r.Peers {
			var path []string
			color, name := look(r, p.Name)
			for _, point := range t.Points {
				s := work.Summarize(t.At(point, p.Name))
				if math.IsNaN(s.Median) {
					continue
				}
				at := x.place(value(point))
				path = append(path, fmt.Sprintf("%.1f,%.1f", at, y.place(s.Median)))
				line(out, at, y.place(s.Min), at, y.place(s.Max), color, 1)
			}
			if path == nil {
				continue
			}
			thick := 1.5
			if p.Name == self {
				thick = 3
			}
			fmt.Fprintf(out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="%.1f"/>`+"\n",
				strings.Join(path, " "), color, thick)
			legend := top + 10 + float64(row)*18
			line(out, x.end+14, legend-4, x.end+30, legend-4, color, thick)
			text(out, x.end+36, legend, "start", "#222222", `font-size="10.5"`, name)
			row++
		}
	}
}

// logAxis encloses all samples.
func logAxis(t work.Table, at, end float64) (axis, []float64) {
	least, most := math.Inf(1), 0.0
	for _, c := range t.Cells {
		s := work.Summarize(c.Samples)
		least, most = min(least, s.Min), max(most, s.Max)
	}
	from, to := decades(least, most)
	var ticks []float64
	for v := from; v <= to*1.01; v *= 10 {
		ticks = append(ticks, v)
	}
	return axis{from: from, to: to, at: at, end: end, log: true}, ticks
}

// value reads a point's label: a duration, or a number such as "10 k".
func value(label string) float64 {
	if d, err := time.ParseDuration(label); err == nil {
		return float64(d)
	}
	digits, unit, _ := strings.Cut(label, " ")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 1
	}
	switch unit {
	case "k", "kB":
		n *= 1e3
	case "M", "MB":
		n *= 1e6
	}
	return n
}
