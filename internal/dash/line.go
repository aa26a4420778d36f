package dash

import (
	"fmt"
	"strings"
	"time"
)

// Size of a sparkline's drawing, which is scaled to its place.
const (
	lineWidth  = 180
	lineHeight = 32
)

// minLine is how long a time a line shows at least.
const minLine = time.Minute

// line is a sparkline: a quantity over the last quarter of an hour, or since the
// first sample.
type line struct {
	Points string // of the line, as SVG has them; empty if there is none
	Area   string // below it
	Most   float64
}

func newLine(samples *ring[sample], now time.Time, of func(*sample) float64) (l line) {
	long := minLine
	for s := range samples.since(0) {
		old := now.Sub(s.at)
		if long = max(long, min(old, samplesFor)); old <= samplesFor {
			l.Most = max(l.Most, of(s))
		}
	}
	var points strings.Builder
	first, last := -1.0, 0.0
	for s := range samples.since(0) {
		x := lineWidth * (1 - float64(now.Sub(s.at))/float64(long))
		if x < 0 {
			continue
		}
		y := lineHeight - 1.5
		if l.Most > 0 {
			y -= (lineHeight - 3) * of(s) / l.Most
		}
		fmt.Fprintf(&points, "%.1f,%.1f ", x, y)
		if last = x; first < 0 {
			first = x
		}
	}
	if first < 0 {
		return l
	}
	l.Points = strings.TrimSpace(points.String())
	l.Area = fmt.Sprintf("%.1f,%d %s %.1f,%d", first, lineHeight, l.Points, last, lineHeight)
	return l
}
