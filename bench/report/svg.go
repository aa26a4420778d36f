package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// The picture has four panels, two by two.
const (
	panelWidth  = 460.0
	panelHeight = 330.0
	headHeight  = 44.0
	footHeight  = 30.0
)

// colors are told apart by those who do not see all of them, this project's
// first.
var colors = []string{"#d55e00", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#8c6d31", "#999999"}

// SVG writes the picture: throughput, latency, efficiency and growth.
func SVG(w io.Writer, r work.Results) error {
	out := &strings.Builder{}
	width, height := 2*panelWidth, headHeight+2*panelHeight+footHeight
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">`+"\n",
		width, height)
	fmt.Fprintf(out, `<rect width="%.0f" height="%.0f" fill="#ffffff"/>`+"\n", width, height)
	text(out, 16, 28, "start", "#222222", `font-size="18" font-weight="bold"`, "Muster and its peers")
	places := []func(*strings.Builder, work.Results){
		bars("noop", "tasks/s", "No-op tasks a second (more is better)"),
		bars("latency", "median µs", "Submit to result, median µs (less is better)"),
		curves("spin", "efficiency", "Efficiency over the length of tasks", false),
		curves("growth", "µs per task", "µs per task over the number of tasks", true),
	}
	for i, draw := range places {
		fmt.Fprintf(out, `<g transform="translate(%.0f %.0f)">`+"\n",
			float64(i%2)*panelWidth, headHeight+float64(i/2)*panelHeight)
		draw(out, r)
		out.WriteString("</g>\n")
	}
	text(out, 16, height-12, "start", "#666666", `font-size="11"`, fmt.Sprintf(
		"Medians of %d rounds, whiskers from least to most; %s; taken %s", r.Rounds, r.Machine, r.Taken.Format("2006-01-02")))
	out.WriteString("</svg>\n")
	_, err := io.WriteString(w, out.String())
	return err
}

func find(r work.Results, kind, metric string) work.Table {
	for _, t := range r.Tables {
		if t.Work == kind && t.Metric.Name == metric {
			return t
		}
	}
	return work.Table{}
}

func text(out *strings.Builder, x, y float64, anchor, color, more, s string) {
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" %s>%s</text>`+"\n",
		x, y, anchor, color, more, html.EscapeString(s))
}

func line(out *strings.Builder, x1, y1, x2, y2 float64, color string, thick float64) {
	fmt.Fprintf(out, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n",
		x1, y1, x2, y2, color, thick)
}

// axis maps values to places on a line; those beyond its ends to the ends.
type axis struct {
	from, to float64 // values
	at, end  float64 // places
	log      bool
}

func (a axis) place(v float64) float64 {
	from, to := a.from, a.to
	if a.log {
		v, from, to = math.Log(v), math.Log(from), math.Log(to)
	}
	share := max(0, min(1, (v-from)/(to-from)))
	return a.at + share*(a.end-a.at)
}

// decades returns the powers of ten that enclose values.
func decades(least, most float64) (from, to float64) {
	from, to = math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most)))
	if from == to {
		to *= 10
	}
	return from, to
}

// short writes a number for an axis.
func short(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%g M", f/1e6)
	case f >= 1e3:
		return fmt.Sprintf("%g k", f/1e3)
	}
	return fmt.Sprintf("%g", f)
}
