package mustertest

import (
	"bytes"
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
)

// accept is called with mu held.
func (l *inline) accept(b transport.Batch) error {
	var batch codec.Batch
	err := batch.Decode(bytes.Clone(b.Data)) // which is the client's again soon
	for i := range batch.Tasks {
		t := &task{Task: batch.Tasks[i], queue: b.Queue, lane: b.Lane}
		l.tasks[t.N] = t
		if b.At.IsZero() {
			l.enqueue(t)
		} else {
			t.timer = time.AfterFunc(time.Until(b.At), func() { l.due(t) })
		}
	}
	return err
}

// due puts a task in its lane whose time has come.
func (l *inline) due(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed && l.tasks[t.N] == t {
		l.enqueue(t)
	}
}

// enqueue is called with mu held.
func (l *inline) enqueue(t *task) {
	l.lanes[t.lane] = append(l.lanes[t.lane], t)
	l.hire()
}

// hire starts workers for what is in the queue, as many as may be. It is called
// with mu held.
func (l *inline) hire() {
	waiting := len(l.lanes[0]) + len(l.lanes[1]) + len(l.lanes[2])
	for range min(waiting, Concurrency-l.running) {
		l.running++
		l.workers.Go(l.work)
	}
}

// take returns the next task, and the context to run it with, or nil if there is
// none to run, or too many run; then the worker leaves.
func (l *inline) take() (ctx context.Context, t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for t = l.next(); t != nil; t = l.next() {
		if t.cancelled {
			delete(l.tasks, t.N)
			continue
		}
		t.started = true
		ctx, t.stop = context.WithCancel(l.life)
		return ctx, t
	}
	l.running--
	return nil, nil
}

// next takes the first task of the most urgent lane that has one, and nil if none
// has or too many run.
func (l *inline) next() (t *task) {
	for i, lane := range l.lanes {
		if len(lane) > 0 && l.running <= Concurrency {
			t, lane[0] = lane[0], nil
			l.lanes[i] = lane[1:]
			return t
		}
	}
	return nil
}

// giveWay frees the place of a handler that waits for another task.
func (l *inline) giveWay() (resume func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.hire()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running++
	}
}
