package pool

import (
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// counts are what has come of attempts, by func.
type counts map[string]codec.FuncCount

// mostFuncs bounds the names in counts, which processes write: what comes beyond
// is counted with the others.
const mostFuncs = 2 * scoreboard.MaxNames

func (all counts) update(name string, how func(*codec.FuncCount)) {
	c, known := all[name]
	if !known && len(all) >= mostFuncs {
		name = scoreboard.Other
		c = all[name]
	}
	if c.Failed == nil {
		c.Failed = map[codec.Code]uint64{}
	}
	how(&c)
	all[name] = c
}

// addBoard adds what a process has counted.
func (all counts) addBoard(b *scoreboard.Board) {
	for _, have := range b.Counts() {
		all.update(have.Func, func(c *codec.FuncCount) {
			c.Attempts += have.Attempts()
			addHistogram(&c.Run, have.Run)
			addHistogram(&c.Wait, have.Wait)
			for number, n := range have.Failed {
				if n > 0 {
					c.Failed[codeOnBoard(number)] += n
				}
			}
		})
	}
}

func addHistogram(to *codec.Histogram, from scoreboard.Histogram) {
	for i, n := range from.Counts {
		to.Counts[i] += n
	}
	to.Sum += time.Duration(from.Sum).Seconds()
}

// addDeath adds an attempt that ended with its process.
func (all counts) addDeath(name string, code codec.Code, wait, run time.Duration) {
	all.update(name, func(c *codec.FuncCount) {
		c.Attempts++
		c.Failed[code]++
		observe(&c.Run, run)
		observe(&c.Wait, wait)
	})
}

func observe(h *codec.Histogram, d time.Duration) {
	i, _ := slices.BinarySearch(codec.HistogramBounds[:], d)
	h.Counts[i]++
	h.Sum += d.Seconds()
}

// codeOnBoard gives the code of a failure by its number on the scoreboard, empty
// for none.
func codeOnBoard(number int) codec.Code {
	switch {
	case number == 0:
		return ""
	case number > len(codec.Codes):
		return codec.CodeError
	}
	return codec.Codes[number-1]
}
