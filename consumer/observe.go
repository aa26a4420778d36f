package consumer

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// quietTicks is after how many looks at an idle process the observer sleeps.
const quietTicks = 20

// observe looks every few milliseconds at what runs, while anything does.
func (w *Worker) observe(ctx context.Context) {
	ticker := time.NewTicker(long)
	defer ticker.Stop()
	quiet := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		active, age := w.running.look(now)
		w.sendReport(now)
		if age >= long {
			w.giveBackBacklog()
			w.outbox.flush()
		}
		if age >= announceFrom {
			w.announce()
		}
		if d := w.atWork.Load(); d != nil && age >= splitAfter && !d.batch.Chunk {
			w.split(d) // a chunk stays where it is, which its client asked for
		}
		for _, d := range w.backlog.pausedSince(now.Add(-splitAfter)) {
			w.split(d)
		}
		if quiet++; active {
			quiet = 0
			w.ask() // a pull that ended while a task took long
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
func (w *Worker) sleep(ctx context.Context) bool {
	wake := make(chan struct{}, 1)
	w.running.mu.Lock()
	w.running.wake = wake
	active := w.running.task != nil
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

// announce tells the caller of the task that runs that it does, once.
func (w *Worker) announce() {
	task, ok := w.running.announce()
	if !ok {
		return
	}
	notice := codec.Started{N: task.n, Attempt: int(task.attempt), Host: w.Host, PID: w.PID}
	if err := w.Conn.Publish(broker.StartedSubject(task.client), codec.AppendStarted(nil, &notice)); err != nil {
		w.Logger.Debug("sending a started notice", "error", err)
	}
}
