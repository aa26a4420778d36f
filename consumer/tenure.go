package consumer

import (
	"context"
	"os"
	"time"

	"github.com/musterfleet/muster/internal/proc"
)

// Leaving says why a worker left.
type Leaving string

// The reasons to leave, each in good order.
const (
	LeavingDrained Leaving = "drained" // it was told to
	LeavingTasks   Leaving = "tasks"   // it has served as many tasks as one process may
	LeavingMemory  Leaving = "memory"  // it uses more memory than a process may keep
	LeavingIdle    Leaving = "idle"    // nothing came for long enough
)

// Tenure bounds how long one worker process serves. Zero values set no bound.
type Tenure struct {
	Tasks  int           // leave after so many tasks
	Memory int64         // leave when using more than so many bytes, at a task's end
	Idle   time.Duration // leave when nothing came for so long
}

// tenure is what an executor has had of its Tenure.
type tenure struct {
	Tenure
	served  int
	weighed time.Time // when memory was last looked at
}

// weighEvery is how often a process looks at its own memory, at most.
const weighEvery = 50 * time.Millisecond

// over says why to leave, or nothing.
func (t *tenure) over(ctx context.Context) Leaving {
	switch {
	case ctx.Err() != nil:
		return LeavingDrained
	case t.Tasks > 0 && t.served >= t.Tasks:
		return LeavingTasks
	case t.Memory > 0 && t.served > 0 && time.Since(t.weighed) > weighEvery:
		t.weighed = time.Now()
		if proc.ResidentMemory(os.Getpid()) > uint64(t.Memory) {
			return LeavingMemory
		}
	}
	return ""
}

// idle gives a channel that tells when the process has been idle for too long.
func (t *tenure) idle() (<-chan time.Time, func()) {
	if t.Idle == 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(t.Idle)
	return timer.C, func() { timer.Stop() }
}
