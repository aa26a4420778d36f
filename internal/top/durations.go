package top

import (
	"fmt"
	"time"

	"github.com/musterfleet/muster/codec"
)

// add adds what one host has counted.
func (f *Func) add(count codec.FuncCount) {
	f.Attempts += count.Attempts
	for code, n := range count.Failed {
		f.Failed[code] += n
	}
	f.Run.add(count.Run)
	f.Wait.add(count.Wait)
}

func (f *Func) failed() (n uint64) {
	for _, count := range f.Failed {
		n += count
	}
	return n
}

func (d *Durations) add(h codec.Histogram) {
	for i, n := range h.Counts {
		d.Counts[i] += n
	}
	d.Sum += h.Sum
}

func (d *Durations) count() (n uint64) {
	for _, count := range d.Counts {
		n += count
	}
	return n
}

func (d *Durations) sum() {
	d.P50, d.P90, d.P99 = d.quantile(0.5), d.quantile(0.9), d.quantile(0.99)
}

// quantile returns the bound, in seconds, that a share of the durations is within.
func (d *Durations) quantile(share float64) float64 {
	all := d.count()
	if all == 0 {
		return 0
	}
	var within uint64
	for i, bound := range codec.HistogramBounds {
		if within += d.Counts[i]; float64(within) >= share*float64(all) {
			return bound.Seconds()
		}
	}
	return codec.HistogramBounds[len(codec.HistogramBounds)-1].Seconds()
}

// bounded shows a quantile, which is an upper bound.
func bounded(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d == 0:
		return "-"
	case d >= codec.HistogramBounds[len(codec.HistogramBounds)-1]:
		return "1 h or more"
	default:
		return "≤ " + length(d)
	}
}

// length shows how long something takes, in two or three digits.
func length(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d:%02d h", d/time.Hour, d%time.Hour/time.Minute)
}
