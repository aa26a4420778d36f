package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// long is the run time from which a task counts as long: its caller is told
// that it has started, finished outcomes do not wait for it, and deliveries
// that wait behind it are given back.
const long = 5 * time.Millisecond

// quietTicks is after how many looks at an idle process the observer sleeps.
const quietTicks = 20

// running is the task that runs now, as the observer sees it.
type running struct {
	mu        sync.Mutex
	active    bool
	announced bool
	since     time.Time
	client    string
	n         uint64
	attempt   int
	wake      chan struct{} // made by the observer
}

func (r *running) set(client string, t *codec.Task, since time.Time) {
	r.mu.Lock()
	r.active, r.announced, r.since = true, false, since
	r.client, r.n, r.attempt = client, t.N, t.Attempt()
	wake := r.wake
	r.mu.Unlock()
	if wake != nil {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func (r *running) clear() {
	r.mu.Lock()
	r.active = false
	r.mu.Unlock()
}

// long reports whether a task runs that has become long.
func (r *running) long(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active && now.Sub(r.since) >= long
}

// look tells whether a task runs, and, once per task, whether it has become
// long, with the notice for its caller.
func (r *running) look(now time.Time) (active, becameLong bool, client string, notice codec.Started) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.active || r.announced || now.Sub(r.since) < long {
		return r.active, false, "", codec.Started{}
	}
	r.announced = true
	return true, true, r.client, codec.Started{N: r.n, Attempt: r.attempt}
}

// observe looks every few milliseconds at what runs, while anything does.
func (w *worker) observe(ctx context.Context) {
	ticker := time.NewTicker(long)
	defer ticker.Stop()
	quiet := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		active, becameLong, client, notice := w.running.look(time.Now())
		if becameLong {
			notice.Host, notice.PID = w.Host, w.PID
			w.announce(client, &notice)
		}
		if quiet++; active {
			quiet = 0
		}
		if quiet < quietTicks {
			continue
		}
		ticker.Stop()
		if !w.sleep(ctx) {
			return
		}
		ticker.Reset(long)
		quiet = 0
	}
}

// sleep waits until a task runs, and reports false when ctx ended first.
func (w *worker) sleep(ctx context.Context) bool {
	wake := make(chan struct{}, 1)
	w.running.mu.Lock()
	w.running.wake = wake
	active := w.running.active
	w.running.mu.Unlock()
	defer func() {
		w.running.mu.Lock()
		w.running.wake = nil
		w.running.mu.Unlock()
	}()
	if active {
		return true
	}
	select {
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// announce does what is due when a task has become long.
func (w *worker) announce(client string, notice *codec.Started) {
	w.giveBackQueue()
	w.outbox.flush()
	if err := w.Conn.Publish(broker.StartedSubject(client), codec.AppendStarted(nil, notice)); err != nil {
		w.Logger.Debug("sending a started notice", "error", err)
	}
}
