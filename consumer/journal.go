package consumer

import (
	"maps"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// openJournal has the board know the process's funcs.
func (w *Worker) openJournal() {
	w.journal = w.Board.Journal(slices.Sorted(maps.Keys(w.functions)), codec.HistogramBounds)
	for name, f := range w.functions {
		f.index = w.journal.Func(name)
	}
}

// boardIndex is by what the board knows the function; nil is one that there is no
// handler for.
func (f *function) boardIndex() int {
	if f == nil {
		return scoreboard.MaxNames
	}
	return f.index
}

// note notes on the board what an attempt has come to.
func (w *Worker) note(d *delivery, failure *codec.Failure, now time.Time) {
	code := 0
	if failure != nil {
		code = boardCode(failure.Code)
	}
	w.journal.Ended(d.slot, code, now.UnixNano())
}

// boardCode gives the number by which the board knows a code: its place among
// codec.Codes, from 1. One that has none there is an error like others.
func boardCode(code codec.Code) int { return max(slices.Index(codec.Codes[:], code), 0) + 1 }
