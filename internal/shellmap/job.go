package shellmap

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/musterfleet/muster/internal/joblog"
)

// Job is one run.
type Job struct {
	In  io.Reader
	End byte // of an item
	Out io.Writer
	// Call calls the func with each item and gives what it comes to, and at last
	// perhaps an error of no item. It ends with its context, and when the items do.
	Call func(context.Context, iter.Seq[Item]) iter.Seq2[Result, error]

	Halt   Halt
	Stop   <-chan struct{}    // closed: read no more, wait for what is under way; or nil
	Failed func(LineError)    // reports an item that failed, unless that ends the run
	Wait   func(underWay int) // reports that Stop was heard, if there is something to wait for
	Greedy bool               // what is under way is not bounded in bytes, since Call waits for many
	Show   *Progress          // or nil
	Log    *joblog.Log        // or nil
	Done   *joblog.Done       // what is not to be done again, or nil
	Func   string             // for the log
	Raw    bool               // for the log: items are strings whatever they look like
}

// Result is what became of a call.
type Result struct {
	Call int           // from 0, in the order of the items
	Line []byte        // to print, with its newline; valid until the next
	Task string        // its id for the log, or empty
	Run  time.Duration // how long its last attempt ran, or 0
}

// Run runs the job. It gives nil if all items are done, ErrFailed if some have
// failed that were reported, a LineError for one that ended it, ErrInterrupted
// after Stop or the end of ctx with items left undone, or why reading, writing or
// logging failed. A read of In that blocks at its end is left behind.
func (j *Job) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{Job: j, source: newInput(j.In), window: newWindow(maxWindow)}
	if j.Greedy {
		r.window.most = 0
	}
	defer r.source.stop()
	defer r.obey(ctx)()
	out := newOutput(j.Out, j.Log, cancel)
	err := r.print(ctx, out)
	if werr := out.close(); werr != nil {
		return werr
	}
	return err
}
