package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/musterfleet/muster/pool"
)

// healTimeout is how long a killed process's replacement may take.
const healTimeout = 10 * time.Second

// midTask is how long after the end of a task to kill, so that the next runs.
const midTask = 10 * time.Millisecond

// healing kills a worker process and follows what becomes of it. Its methods
// belong to one goroutine.
type healing struct {
	pids   []int // the first worker processes
	ready  chan arrival
	died   chan pool.Death
	killed time.Time
	mended bool // there is a replacement
	buried bool // the death has been told
}

// arrival is a worker process that became ready.
type arrival struct {
	pid int
	at  time.Time
}

// newHealing has room for what happens to any sensible number of processes
// while nobody looks.
func newHealing() *healing {
	return &healing{ready: make(chan arrival, 1<<12), died: make(chan pool.Death, 1<<12)}
}

func (h *healing) listener() pool.Listener {
	return pool.Listener{
		Ready: func(pid int) { h.ready <- arrival{pid, time.Now()} },
		Died:  func(death pool.Death) { h.died <- death },
	}
}

// say prints a line.
type say func(format string, args ...any)

func (h *healing) kill(say say) error {
	victim := h.pids[0]
	time.Sleep(midTask)
	h.killed = time.Now()
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing worker process %d: %w", victim, err)
	}
	say("  killed worker process PID %d", victim)
	return nil
}

// look tells what has happened since, without waiting.
func (h *healing) look(say say) {
	for {
		select {
		case death := <-h.died:
			h.tellDeath(death, say)
		case process := <-h.ready:
			h.tellReady(process, say)
		default:
			return
		}
	}
}

// wait waits until the process that was killed is dead and replaced.
func (h *healing) wait(ctx context.Context, say say) error {
	patience := time.NewTimer(healTimeout)
	defer patience.Stop()
	for !h.mended || !h.buried {
		select {
		case death := <-h.died:
			h.tellDeath(death, say)
		case process := <-h.ready:
			h.tellReady(process, say)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-patience.C:
			return errors.New("the worker process that was killed has not been replaced")
		}
	}
	return nil
}

func (h *healing) tellDeath(death pool.Death, say say) {
	h.buried = true
	if death.Running {
		say("  cause of death: %s; its task is back in the queue", death.Cause)
		return
	}
	say("  cause of death: %s; it was between two tasks", death.Cause)
}

func (h *healing) tellReady(process arrival, say say) {
	if h.mended || slices.Contains(h.pids, process.pid) {
		return
	}
	h.mended = true
	say("  worker process PID %d has taken its place after %d ms", process.pid, process.at.Sub(h.killed).Milliseconds())
}
