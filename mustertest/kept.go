package mustertest

import (
	"context"
	"errors"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/producer"
)

// key is a unique key of a queue.
type key struct{ queue, key string }

// SendUnique puts a task in its lane unless another has its key.
func (l *inline) SendUnique(_ context.Context, b transport.Batch) (transport.KeyHolder, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return transport.KeyHolder{}, producer.ErrClosed
	}
	k := key{b.Queue, b.Key}
	if holder, held := l.keys[k]; held {
		return holder, nil
	}
	holder := transport.KeyHolder{ID: b.ID, Func: b.Func}
	l.keys[k] = holder
	return holder, l.accept(b)
}

// Release takes a key from a task.
func (l *inline) Release(_ context.Context, queue, text string, id codec.ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release(key{queue, text}, id)
	return nil
}

func (l *inline) release(k key, id codec.ID) {
	if l.keys[k].ID == id {
		delete(l.keys, k)
	}
}

// Scheduled returns a task that waits for its time, in a batch.
func (l *inline) Scheduled(_ context.Context, id codec.ID) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tasks[id.N]
	if id.Client != l.client || t == nil || t.timer == nil {
		return nil, nil
	}
	batch := codec.NewBatch(l.client, nil)
	batch.Add(&t.Task)
	return batch.Bytes(), nil
}

// Unschedule removes a task that waits for its time.
func (l *inline) Unschedule(_ context.Context, id codec.ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.tasks[id.N]; id.Client == l.client && t != nil && t.timer != nil && t.timer.Stop() {
		delete(l.tasks, id.N)
	}
	return nil
}

// keep ends a task: its outcome is kept if that is wanted, for as long as the
// client lives, and its key is free.
func (l *inline) keep(t *task, message []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := codec.ID{Client: l.client, N: t.N}
	delete(l.tasks, t.N)
	if t.Retain > 0 && l.kept[id] == nil {
		l.kept[id] = message
	}
	l.release(key{t.queue, t.Key}, id)
}

// Results returns what is kept.
func (l *inline) Results() transport.Results { return results{l} }

// results is the outcomes that are kept of this client's tasks; those of others
// are not known here.
type results struct{ l *inline }

func (r results) Get(_ context.Context, id codec.ID) ([]byte, error) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	return r.l.kept[id], nil
}

func (r results) Keep(_ context.Context, id codec.ID, outcome []byte, _ time.Duration) ([]byte, error) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if r.l.kept[id] == nil {
		r.l.kept[id] = outcome
	}
	return r.l.kept[id], nil
}

func (r results) Watch(string) (stop func(), err error) { return func() {}, nil }

// Crons refuses schedules.
func (l *inline) Crons() transport.Crons { return noCrons{} }

var errNoCrons = errors.New("mustertest has no schedules: test the handler, and the schedule against a broker")

type noCrons struct{}

func (noCrons) Set(context.Context, string, string, string, transport.Batch) error { return errNoCrons }
func (noCrons) Remove(context.Context, string) error                               { return errNoCrons }
