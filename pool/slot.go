package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
)

// slot is a host's place for one worker process at a time. Only its own goroutine, a
// [slotLoop], changes its state:
//
//	dormant ──work──▶ waiting ──turn──▶ starting ──ready──▶ serving ──leave──▶ draining
//	   ▲               ▲    ▲              │                   │                  │
//	   │            delay   │              ├───────◀───────────┴────────◀─────────┘
//	   │               │    └──at once─────┤
//	   │            backoff ◀─died early───┤  exit
//	   └───────────────────idle────────────┘
//
// A slot that is to go is gone at once from each state without a process, and otherwise
// when its process has exited.
type slot struct {
	host   *Supervisor
	number int           // that no other slot has; from 0
	quit   chan struct{} // closed when the slot is to go
	gone   chan struct{} // closed when it has gone, and nobody is told of it any more
	wake   chan struct{} // has an element when the dormant slot is to start a process

	// Under Supervisor.mu. The loop reads its state without it, since nobody else writes.
	state   slotState
	ready   bool                // its process has been ready
	process *process            // nil between processes
	died    *codec.ProcessDeath // how the last process ended, if unexpectedly
}

type slotState int

const (
	slotDormant  slotState = iota // without a process until there is work
	slotWaiting                   // for its turn to start a process
	slotStarting                  // its process is not ready yet
	slotServing                   // its process runs tasks
	slotDraining                  // its process gets no more tasks, and ends
	slotBackoff                   // until it starts another process: the last ones died early
	slotGone
)

// status reports how the slot stands. Supervisor.mu is held.
func (s *slot) status() codec.ProcessStatus {
	status := codec.ProcessStatus{Place: s.number, State: codec.ProcessStarting, Died: s.died}
	scheduler := s.host.scheduler
	if p := s.process; p != nil {
		status.PID, status.Started = p.PID(), p.startedAt
		status.Tasks, status.Held = scheduler.served(p), scheduler.runsOf(p)
		if task, ok := scheduler.running(p); ok {
			status.Task, status.Func = task.id.String(), task.fn
			status.Since, status.Limit = task.since, task.limitAt
		}
	}
	switch s.state {
	case slotDormant:
		status.State = codec.ProcessDormant
	case slotBackoff:
		status.State = codec.ProcessBackoff
	case slotServing:
		status.State = codec.ProcessIdle
		if status.Task != "" {
			status.State = codec.ProcessBusy
		}
	case slotDraining, slotGone:
		status.State = codec.ProcessDraining
	}
	return status
}

// requestLeave has the slot's process finish what it runs, and the slot go.
// Supervisor.mu is held.
func (s *slot) requestLeave() {
	if !s.isLeaving() {
		close(s.quit)
	}
}

func (s *slot) isLeaving() bool { return isClosed(s.quit) }

// drainPriority orders slots by what is lost when they go, the least first.
// Supervisor.mu is held.
func (s *slot) drainPriority() int {
	switch {
	case s.process == nil:
		return 0
	case s.host.scheduler.runsOf(s.process) == 0:
		return 1
	}
	return 2
}

// Bounds of the time until a process is ready.
const (
	// setupTimeout is for what a program does before [Main], such as to read a model.
	setupTimeout = 5 * time.Minute
	// setupWarning is when the log first says that it takes long. Each further time
	// comes after twice as long.
	setupWarning = 10 * time.Second
	// readyTimeout is for the rest, an initializer included.
	readyTimeout = 30 * time.Second
	// aloneTime is how long a host's first process is alone, unless it reaches Main
	// before. So a program that fails before Main, or that does not call it in a worker
	// process and does all its work again, does so once.
	aloneTime = time.Second
)

// Delays before a process is started after others that died early, for no reason that is
// known. One death is no pattern, so the first replacements start at once.
const (
	immediateRestarts = 2
	minBackoff        = 100 * time.Millisecond
	maxBackoff        = 10 * time.Second
	// minUptime is how long a process runs that does not count as dying early.
	minUptime = 10 * time.Second
)

// backoff returns how long to wait after so many processes in a row that died early.
func backoff(early int) time.Duration {
	if early <= immediateRestarts {
		return 0
	}
	return min(minBackoff<<min(early-immediateRestarts-1, 16), maxBackoff)
}
