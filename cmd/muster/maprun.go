package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strconv"
	"syscall"

	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/term"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/joblog"
	"github.com/musterfleet/muster/internal/jsonvalue"
	"github.com/musterfleet/muster/internal/shellmap"
	"github.com/musterfleet/muster/producer"
)

// run runs the job, and makes of its error what the command says.
func (m *mapping) run(ctx context.Context) (err error) {
	signals := shellmap.NotifySignals()
	defer signals.Close()
	job := &shellmap.Job{
		In: os.Stdin, End: '\n', Out: os.Stdout,
		Halt: m.halt, Unordered: m.unordered, Chunk: m.chunk,
		Func: m.f.Name(), Raw: m.raw,
		Stop: signals.Stop,
		Wait: func(underWay int) {
			report("muster: interrupted; waiting for %s, interrupt again to cancel", count(underWay, "task"))
		},
		Failed: func(failed shellmap.LineError) { report("%s", oneLine(failed)) },
	}
	if m.null {
		job.End = 0
	}
	if err := m.openLog(job); err != nil {
		return err
	}
	if job.Log != nil {
		defer func() {
			if cerr := job.Log.Close(); err == nil {
				err = cerr
			}
		}()
	}
	if m.dryRun {
		job.Call = m.preview
		err = job.Run(signals.Context)
	} else {
		err = m.client.with(ctx, func(c *producer.Client) error {
			job.Cancel = func(after codec.ID) { m.cancelAfter(c, after) }
			if term.IsTerminal(int(os.Stderr.Fd())) && !term.IsTerminal(int(os.Stdout.Fd())) {
				job.Show = shellmap.NewProgress(os.Stderr, inputSize())
				defer job.Show.Close()
			}
			watch := m.client.watchHosts(signals.Context, c, m.f.Name(), 0, func(line string) {
				job.Show.Around(func() { reportLine(line) })
			})
			defer watch.close()
			job.Call = m.calls(c, watch)
			return job.Run(signals.Context)
		})
	}
	switch {
	case errors.Is(err, shellmap.ErrFailed):
		return errReported
	case errors.Is(err, syscall.EPIPE):
		return errBrokenPipe
	}
	return err
}

// openLog opens the job log, if there is to be one.
func (m *mapping) openLog(job *shellmap.Job) (err error) {
	switch {
	case m.joblog == "" || m.dryRun && !m.resume:
	case m.dryRun:
		job.Done, err = joblog.Read(m.joblog, m.f.Name())
	case m.resume:
		job.Log, job.Done, err = joblog.Resume(m.joblog, m.f.Name())
	default:
		job.Log, err = joblog.Create(m.joblog)
		if errors.Is(err, joblog.ErrExists) {
			err = usage("%v; go on with it by --resume, or remove it", err)
		}
	}
	return err
}

// calls returns what runs a task for each item. Results come in the order in which
// tasks end: the job decides by that, and prints them in the order that was asked for.
func (m *mapping) calls(c *producer.Client, watch *hostWatch) func(context.Context, iter.Seq[shellmap.Item]) iter.Seq2[shellmap.Result, error] {
	return func(ctx context.Context, items iter.Seq[shellmap.Item]) iter.Seq2[shellmap.Result, error] {
		return func(yield func(shellmap.Result, error) bool) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			decided := make(chan struct{}, 1)
			for r, err := range producer.MapUnordered(ctx, c, m.f, m.args(ctx, items, decided), m.options...) {
				watch.hear()
				done := shellmap.Result{Call: r.Index, Run: r.Run, Task: r.ID}
				if err == nil {
					done.Line, err = makeLine(r.Value)
				}
				if err != nil {
					done.Exit = exitOf(err)
				}
				if !yield(done, plain(err)) {
					cancel() // args may wait
					return
				}
				if isItemError(err) {
					decided <- struct{}{}
				}
			}
		}
	}
}

// cancelAfter cancels the tasks after one. A client numbers its tasks in their order.
func (m *mapping) cancelAfter(c *producer.Client, after codec.ID) {
	ids := make([]codec.ID, max(shellmap.MaxItems, m.chunk))
	for i := range ids {
		ids[i] = codec.ID{Client: after.Client, N: after.N + 1 + uint64(i)}
	}
	err := c.Cancel(context.Background(), ids...)
	if err != nil && !errors.Is(err, producer.ErrClosed) { // then all is over
		report("muster: some tasks may run all the same: %s", oneLine(err))
	}
}

// args returns items as arguments. After one that cannot be sent it goes on when
// somebody has decided whether that ends the run: nothing after such an item is sent
// then.
func (m *mapping) args(ctx context.Context, items iter.Seq[shellmap.Item], decided <-chan struct{}) iter.Seq[item] {
	return func(yield func(item) bool) {
		refused := false
		for i := range items {
			arg := m.arg(i)
			arg.refused = &refused
			if !yield(arg) {
				return
			}
			if !refused {
				continue
			}
			refused = false
			select {
			case <-decided:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (m *mapping) arg(i shellmap.Item) item {
	arg := item{text: i.Text, raw: m.raw}
	if i.Err != nil {
		arg.err = &itemError{i.Err.Error()}
	}
	return arg
}

// preview returns the tasks in place of what they would come to.
func (m *mapping) preview(_ context.Context, items iter.Seq[shellmap.Item]) iter.Seq2[shellmap.Result, error] {
	return func(yield func(shellmap.Result, error) bool) {
		call := 0
		for i := range items {
			line, err := m.previewLine(m.arg(i))
			if !yield(shellmap.Result{Call: call, Line: line}, plain(err)) {
				return
			}
			call++
		}
	}
}

func (m *mapping) previewLine(from item) ([]byte, error) {
	encoded, err := msgpack.Marshal(from)
	if err != nil {
		return nil, err
	}
	line := append([]byte(`{"func":`), strconv.Quote(m.f.Name())...) // a name has nothing to escape
	arg, err := jsonvalue.Append(nil, encoded)
	return append(append(append(line, `,"arg":`...), arg...), "}\n"...), err
}

// inputSize returns how much there is to read, in bytes, or -1 if that is not known.
func inputSize() int64 {
	info, err := os.Stdin.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	read, err := os.Stdin.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	return max(info.Size()-read, 0)
}
