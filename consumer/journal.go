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
		code = BoardCode(failure.Code)
	}
	w.journal.Ended(d.slot, code, now.UnixNano())
}

// boardCodes are the codes of failures in the order by which the board knows them.
// The first stands for success, and for codes that have no place.
var boardCodes = [...]codec.Code{
	"", codec.CodeError, codec.CodePanic, codec.CodeGoexit, codec.CodeUnknownFunc, codec.CodeArgument,
	codec.CodeResult, codec.CodeTooLarge, codec.CodeWorkerDied, codec.CodeCancelled, codec.CodeExpired,
	codec.CodeTimeLimit, codec.CodeDepth,
}

// BoardCode gives the number by which the scoreboard knows the code of a failure.
func BoardCode(code codec.Code) int {
	if i := slices.Index(boardCodes[1:], code); i >= 0 {
		return i + 1
	}
	return 1 // an error like others
}

// CodeOnBoard gives the code of a failure by its number on the scoreboard, empty
// for none.
func CodeOnBoard(number int) codec.Code {
	switch {
	case number == 0:
		return ""
	case number < 0 || number >= len(boardCodes):
		return codec.CodeError
	}
	return boardCodes[number]
}
