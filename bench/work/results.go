package work

import (
	"math"
	"slices"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// Results is all that was measured.
type Results struct {
	Taken   time.Time `json:"taken"`
	Machine string    `json:"machine"`
	Scale   string    `json:"scale"`
	Rounds  int       `json:"rounds"`
	Peers   []Peer    `json:"peers"`
	Tables  []Table   `json:"tables"`
	Notes   []string  `json:"notes"` // what went wrong or was left out
}

// Peer is a peer as it was measured, or why it was not.
type Peer struct {
	peer.Info
	LeftOut string `json:"left_out,omitempty"`
}

// Table has one metric of one kind of work.
type Table struct {
	Work   string   `json:"work"`
	Title  string   `json:"title"`
	Note   string   `json:"note,omitempty"`
	Metric Metric   `json:"metric"`
	Rounds int      `json:"rounds"` // that are complete at every point
	Points []string `json:"points"`
	Cells  []Cell   `json:"cells"`
}

// Cell has the samples of one peer at one point.
type Cell struct {
	Point   string   `json:"point"`
	Peer    string   `json:"peer"`
	Tasks   int      `json:"tasks"` // in each sample
	Samples []Sample `json:"samples"`
}

// Sample is one measurement.
type Sample struct {
	Round int     `json:"round"`
	Value float64 `json:"value"`
}

// add adds a sample to those of a point and peer.
func (t *Table) add(point, peer string, tasks int, s Sample) {
	at := slices.IndexFunc(t.Cells, func(c Cell) bool { return c.Point == point && c.Peer == peer })
	if at < 0 {
		at = len(t.Cells)
		t.Cells = append(t.Cells, Cell{Point: point, Peer: peer, Tasks: tasks})
	}
	t.Cells[at].Samples = append(t.Cells[at].Samples, s)
}

// Find returns samples by the names of work, metric, point and peer, nil if there
// are none. An empty point is the work's first.
func (r Results) Find(work, metric, point, peer string) []Sample {
	for _, t := range r.Tables {
		if t.Work == work && t.Metric.Name == metric {
			if point == "" {
				point = t.Points[0]
			}
			return t.At(point, peer)
		}
	}
	return nil
}

// At returns the samples of a peer at a point.
func (t Table) At(point, peer string) []Sample {
	for _, c := range t.Cells {
		if c.Point == point && c.Peer == peer {
			return c.Samples
		}
	}
	return nil
}

// Ratio divides the samples of a by those of b that were taken in the same
// round.
func Ratio(a, b []Sample) []Sample {
	var ratios []Sample
	for _, x := range a {
		i := slices.IndexFunc(b, func(y Sample) bool { return y.Round == x.Round })
		if i >= 0 && b[i].Value != 0 {
			ratios = append(ratios, Sample{x.Round, x.Value / b[i].Value})
		}
	}
	return ratios
}

// Spread is the median of samples and how far they lie apart.
type Spread struct{ Median, Min, Max float64 }

// Summarize returns the spread of samples; NaN if there are none.
func Summarize(samples []Sample) Spread {
	if len(samples) == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN()}
	}
	var values []float64
	for _, s := range samples {
		values = append(values, s.Value)
	}
	slices.Sort(values)
	n := len(values)
	return Spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}
