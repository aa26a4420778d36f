package mustertest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/producer"
)

// Concurrency is how many tasks of a client run at a time, besides those that
// wait for other tasks. It is the same on every machine, so that tests behave
// alike.
const Concurrency = 8

const (
	// maxPayload is what a NATS server carries unless it is told otherwise.
	maxPayload = 1 << 20
	envelope   = 1 << 10 // what a message holds besides one result, at most
)

// inline is a transport to this process. Its queue is a slice, and a task is
// stored once it is there.
type inline struct {
	client string
	to     transport.Receiver
	host   string
	life   context.Context // of the handlers
	end    context.CancelFunc

	mu      sync.Mutex
	lanes   [3][]*task
	tasks   map[uint64]*task // delayed, in a lane, or running
	keys    map[key]transport.KeyHolder
	kept    map[codec.ID][]byte // outcomes of durable tasks
	running int                 // tasks that run and do not wait for others
	closed  bool
	calls   sync.WaitGroup // of the receiver and of stored functions; none begins once closed
	workers sync.WaitGroup
}

// task is a task in the queue, or one that runs.
type task struct {
	codec.Task
	queue              string
	lane               int
	started, cancelled bool
	stop               context.CancelFunc // of one that has started
	timer              *time.Timer        // of one that is delayed
}

func newInline() *inline {
	l := &inline{tasks: map[uint64]*task{}, keys: map[key]transport.KeyHolder{}, kept: map[codec.ID][]byte{}}
	l.life, l.end = context.WithCancel(context.Background())
	if l.host, _ = os.Hostname(); l.host == "" {
		l.host = "localhost"
	}
	return l
}

// Open notes for whom to work.
func (l *inline) Open(_ context.Context, client string, to transport.Receiver) error {
	l.client, l.to = client, to
	return nil
}

// Queue does nothing: all queues are one, but for their keys.
func (l *inline) Queue(context.Context, string) error { return nil }

// MaxPayload is so large that values never have to go another way.
func (l *inline) MaxPayload() int { return maxPayload }

// Objects is nowhere, since no value is too large for a message.
func (l *inline) Objects() transport.Objects { return nil }

// Trouble tells of none.
func (l *inline) Trouble() string { return "" }

// Send puts the tasks of a batch in its lane, now or when their time has come.
func (l *inline) Send(b transport.Batch, stored func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		go stored(producer.ErrClosed)
		return
	}
	err := l.accept(b)
	l.calls.Go(func() { stored(err) })
}

// Local returns nil: tasks run here, but by no host.
func (l *inline) Local() transport.LocalHost { return nil }

// Cancel has tasks not started, and the running ones stopped if they are meant
// too.
func (l *inline) Cancel(_ string, request []byte) error {
	ids, running, err := codec.ReadCancel(request)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		t := l.tasks[id.N]
		switch {
		case t == nil || id.Client != l.client:
		case !t.started:
			t.cancelled = true
		case running:
			t.stop()
		}
	}
	return nil
}

// AskCancel is Cancel; the client knows what runs.
func (l *inline) AskCancel(_ context.Context, request []byte) error { return l.Cancel("", request) }

// Close drops the queue, and what handlers that still run come to.
func (l *inline) Close() {
	l.mu.Lock()
	l.closed = true
	l.lanes = [3][]*task{}
	for _, t := range l.tasks {
		if t.timer != nil {
			t.timer.Stop()
		}
	}
	l.mu.Unlock()
	l.end()
	l.calls.Wait()
}

// ended waits until no handler runs, and reports whether that was before the
// end of ctx.
func (l *inline) ended(ctx context.Context) bool {
	gone := make(chan struct{})
	go func() {
		l.workers.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return true
	case <-ctx.Done():
		return false
	}
}

// work runs tasks until there are none.
func (l *inline) work() {
	for {
		ctx, t := l.take()
		if t == nil {
			return
		}
		l.tell(func() error {
			return l.to.Started(codec.AppendStarted(nil, &codec.Started{N: t.N, Attempt: t.Attempt(), Host: l.host, PID: os.Getpid()}))
		})
		report := func(p codec.Progress) {
			l.tell(func() error { return l.to.Progress(codec.AppendProgress(nil, t.N, t.Attempt(), p)) })
		}
		outcome := consumer.Run(ctx, l.client, &t.Task, slog.Default(), l.giveWay, report)
		t.stop()
		if l.again(t, &outcome) {
			continue
		}
		message := l.encode(t, &outcome)
		l.keep(t, message)
		l.tell(func() error {
			if t.Retain > 0 {
				return l.to.Kept(message)
			}
			_, err := l.to.Outcomes(message)
			return err
		})
	}
}

// again has a task run once more that failed, if its error budget allows it. It
// does not wait for the backoff.
func (l *inline) again(t *task, o *codec.Outcome) bool {
	if o.Failure == nil || o.Failure.Final || !o.Failure.Code.Retryable() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || t.Errors+1 >= t.ErrorBudget() {
		return false
	}
	t.Errors++
	t.started = false
	l.enqueue(t)
	return true
}

// encode returns the message that a worker process would send.
func (l *inline) encode(t *task, o *codec.Outcome) []byte {
	if len(o.Value) > maxPayload-envelope {
		*o = codec.Outcome{N: o.N, Run: o.Run, Failure: &codec.Failure{Code: codec.CodeTooLarge, Message: fmt.Sprintf(
			"the result has %d bytes, a broker carries %d in one message", len(o.Value), maxPayload-envelope)}}
	}
	if f := o.Failure; f != nil {
		f.Host, f.PID, f.Attempt = l.host, os.Getpid(), t.Attempt()
	}
	message := codec.NewOutcomes(l.client, nil)
	message.Add(o)
	return message.Bytes()
}

// tell calls the receiver, unless the transport is closed.
func (l *inline) tell(call func() error) {
	l.mu.Lock()
	closed := l.closed
	if !closed {
		l.calls.Add(1)
	}
	l.mu.Unlock()
	if closed {
		return
	}
	defer l.calls.Done()
	if err := call(); err != nil {
		panic(fmt.Sprintf("mustertest: a message of our own does not read: %v", err))
	}
}
