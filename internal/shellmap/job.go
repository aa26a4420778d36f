package shellmap

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/joblog"
)

// Job is one run.
type Job struct {
	In  io.Reader
	End byte // of an item
	Out io.Writer
	// Call calls the func with each item and yields what each call ends with, as
	// soon as it does, and at last perhaps an error of no item. It ends with its
	// context, and when the items do.
	Call func(context.Context, iter.Seq[Item]) iter.Seq2[Result, error]

	Unordered bool                 // print results in the order in which calls end, not in that of the items
	Chunk     int                  // items that Call waits for before it sends any, or 0
	Halt      Halt                 // decided by what has ended, whatever waits to be printed
	Stop      <-chan struct{}      // closed: read no more, wait for what is under way; or nil
	Cancel    func(after codec.ID) // cancels the calls after one that have not started
	Failed    func(LineError)      // reports an item that failed, at its place among the results, unless that ends the run
	Wait      func(underWay int)   // reports that Stop was heard, if there is something to wait for
	Show      *Progress            // or nil
	Log       *joblog.Log          // or nil
	Done      *joblog.Done         // what is not to be done again, or nil
	Func      string               // for the log
	Raw       bool                 // for the log: items are strings whatever they look like
}

// Result is what a call has ended with.
type Result struct {
	Call int           // from 0, in the order of the items
	Line []byte        // to print, with its newline; it belongs to the run from now on
	Task codec.ID      // or zero, if the item could not be sent
	Run  time.Duration // how long its last attempt ran, or 0
	Exit Exit          // for the log, of a call that failed
}

// Exit is how the process of a call that failed has ended, for the log.
type Exit struct {
	Host   string // where, or empty
	Status int    // or 0, which is logged as 1
	Signal string // such as SIGKILL, or empty
}

// Run runs the job. It returns nil if all items are done, ErrFailed if some have
// failed that were reported, a LineError for one that ended it, ErrInterrupted
// after Stop or the end of ctx with items left undone, or why reading, writing or
// logging failed. A read of In that blocks at its end is left behind.
func (j *Job) Run(ctx context.Context) error {
	calls, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	r := &run{Job: j, source: newInput(j.In), window: newWindow(maxBytes, MaxItems), cancel: cancel}
	if j.Chunk > 0 {
		r.window = newWindow(0, max(MaxItems, j.Chunk))
	}
	defer r.source.stop()
	defer r.obey(calls)()
	defer context.AfterFunc(ctx, r.interrupt)()
	r.out = newOutput(j, r.window, cancel)
	err := r.collect(calls)
	halted, werr := r.out.close()
	switch {
	case werr != nil:
		return werr
	case halted.Err != nil:
		return halted
	}
	return err
}
