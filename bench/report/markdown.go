package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// self is the peer that the others are held against.
const self = "muster"

// manyPoints is from when on a table has a column for each point.
const manyPoints = 5

// Markdown writes all tables.
func Markdown(w io.Writer, r work.Results) error {
	out := &strings.Builder{}
	fmt.Fprintf(out, "Taken %s on %s. Scale %s, %d rounds, peers in turn; each figure is the median and, in brackets,\n"+
		"the least and the most.\n", r.Taken.Format("2006-01-02 15:04 MST"), r.Machine, r.Scale, r.Rounds)
	if r.Scale == work.Full.Name {
		writeMarks(out, r)
	} else {
		fmt.Fprint(out, "\nScale "+r.Scale+" only shows that everything works. Its figures mean nothing.\n")
	}
	for _, t := range r.Tables {
		if len(t.Cells) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n### %s: %s\n\n", t.Title, t.Metric.Name)
		if t.Note != "" {
			fmt.Fprintf(out, "%s\n\n", t.Note)
		}
		if t.Rounds != r.Rounds {
			fmt.Fprintf(out, "%d of %d rounds.\n\n", t.Rounds, r.Rounds)
		}
		if len(t.Points) >= manyPoints {
			writeWide(out, r, t)
		} else {
			writeLong(out, r, t)
		}
	}
	writeSettings(out, r)
	if len(r.Notes) > 0 {
		fmt.Fprint(out, "\n### Not measured, or not wholly\n\n")
		for _, n := range r.Notes {
			fmt.Fprintf(out, "- %s\n", strings.Join(strings.Fields(n), " "))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// writeLong has a row for each point and peer.
func writeLong(out *strings.Builder, r work.Results, t work.Table) {
	fmt.Fprintf(out, "| | peer | %s | Muster is … times as good |\n|---|---|---:|---:|\n", t.Metric.Name)
	for _, point := range t.Points {
		for _, p := range r.Peers {
			samples := t.At(point, p.Name)
			if samples == nil {
				continue
			}
			fmt.Fprintf(out, "| %s | %s | %s | %s |\n", point, p.Title,
				spread(work.Summarize(samples), t.Metric.Digits), better(t, point, p.Name))
		}
	}
}

// better tells how many times as good this project is as a peer.
func better(t work.Table, point, peer string) string {
	a, b := t.At(point, self), t.At(point, peer)
	if peer == self || a == nil {
		return ""
	}
	if !t.Metric.Higher {
		a, b = b, a
	}
	ratio := work.Summarize(work.Ratio(a, b))
	if math.IsNaN(ratio.Median) {
		return ""
	}
	digits := 2
	switch {
	case ratio.Median >= 100:
		digits = 0
	case ratio.Median < 0.1:
		digits = 4
	}
	return spread(ratio, digits)
}

// writeWide has a row for each peer and a column for each point.
func writeWide(out *strings.Builder, r work.Results, t work.Table) {
	fmt.Fprint(out, "| peer |")
	for _, point := range t.Points {
		fmt.Fprintf(out, " %s |", point)
	}
	isCurve := t.Work == "spin"
	if isCurve {
		fmt.Fprint(out, " half at, µs |")
	}
	fmt.Fprint(out, "\n|---|"+strings.Repeat("---:|", len(t.Points)))
	if isCurve {
		fmt.Fprint(out, "---:|")
	}
	fmt.Fprintln(out)
	for _, p := range r.Peers {
		if p.LeftOut != "" {
			continue
		}
		fmt.Fprintf(out, "| %s |", p.Title)
		for _, point := range t.Points {
			fmt.Fprintf(out, " %s |", spread(work.Summarize(t.At(point, p.Name)), t.Metric.Digits))
		}
		if isCurve {
			fmt.Fprintf(out, " %s |", spread(work.Summarize(r.Granularity(p.Name)), 1))
		}
		fmt.Fprintln(out)
	}
}

func writeSettings(out *strings.Builder, r work.Results) {
	fmt.Fprint(out, "\n### Settings\n\n| peer | settings |\n|---|---|\n")
	for _, p := range r.Peers {
		settings := strings.Join(p.Settings, "; ")
		if p.LeftOut != "" {
			settings = "left out: " + p.LeftOut
		}
		fmt.Fprintf(out, "| %s | %s |\n", p.Title, settings)
	}
}

// spread writes a median with its least and most.
func spread(s work.Spread, digits int) string {
	if math.IsNaN(s.Median) {
		return "–"
	}
	return fmt.Sprintf("%s (%s … %s)", Number(s.Median, digits), Number(s.Min, digits), Number(s.Max, digits))
}

// Number writes a number with its thousands apart.
func Number(f float64, digits int) string {
	text := strconv.FormatFloat(f, 'f', digits, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}
