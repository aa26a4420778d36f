package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// bars draws a bar for each peer, on a logarithmic axis.
func bars(kind, metric, title string) func(*strings.Builder, work.Results) {
	return func(out *strings.Builder, r work.Results) {
		text(out, 16, 18, "start", "#222222", `font-weight="bold"`, title)
		t := find(r, kind, metric)
		least, most := math.Inf(1), 0.0
		for _, c := range t.Cells {
			s := work.Summarize(c.Samples)
			least, most = min(least, s.Min), max(most, s.Max)
		}
		if most <= 0 || least <= 0 {
			text(out, 16, 60, "start", "#666666", "", "not measured")
			return
		}
		from, to := decades(least, most)
		x := axis{from: from / 2, to: to, at: 174, end: panelWidth - 80, log: true}
		const top, bottom = 34.0, panelHeight - 40
		for v := from; v <= to; v *= 10 {
			line(out, x.place(v), top, x.place(v), bottom, "#dddddd", 1)
			text(out, x.place(v), bottom+16, "middle", "#666666", "", short(v))
		}
		step := (bottom - top) / float64(len(t.Cells))
		for i, c := range t.Cells {
			s := work.Summarize(c.Samples)
			color, name := look(r, c.Peer)
			y := top + step*(float64(i)+0.5)
			text(out, 166, y+4, "end", "#222222", `font-size="11"`, name)
			fmt.Fprintf(out, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n",
				x.at, y-step*0.32, x.place(s.Median)-x.at, step*0.64, color)
			line(out, x.place(s.Min), y, x.place(s.Max), y, "#222222", 1.5)
			text(out, max(x.place(s.Median), x.place(s.Max))+6, y+4, "start", "#222222", `font-size="11"`,
				Number(s.Median, t.Metric.Digits))
		}
	}
}

// look returns a peer's color and title.
func look(r work.Results, peer string) (color, title string) {
	for i, p := range r.Peers {
		if p.Name == peer {
			return colors[i%len(colors)], p.Title
		}
	}
	return "#000000", peer
}
