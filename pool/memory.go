package pool

import (
	"fmt"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/proc"
)

// How often the memory of worker processes is looked at: the more often, the
// sooner one might pass the limit. A look costs a few microseconds for every
// process of the machine.
const (
	memoryIdleLook  = time.Second // while nothing runs
	memoryLook      = 100 * time.Millisecond
	memoryNearLook  = 25 * time.Millisecond // within an eighth of the limit
	memoryLeastLook = 10 * time.Millisecond // while one grows fast
)

// watchMemory kills worker processes that have more memory resident than they
// may, together with what they have started, until the supervisor has stopped.
func (s *Supervisor) watchMemory() {
	if s.cfg.MemoryLimit == 0 {
		return
	}
	timer := time.NewTimer(memoryLook)
	defer timer.Stop()
	var before map[int]uint64
	for looked := time.Now(); ; {
		select {
		case <-s.stopped:
			return
		case <-timer.C:
		}
		now := time.Now()
		if now.Sub(looked) < memoryIdleLook && s.isIdle() {
			timer.Reset(memoryLook)
			continue
		}
		used, err := s.checkMemory()
		if err != nil {
			s.cfg.Logger.Warn("the memory limit is not kept for now", "error", err)
		}
		wait := memoryLook
		for pid, bytes := range used {
			wait = min(wait, nextMemoryLook(uint64(s.cfg.MemoryLimit), bytes, before[pid], now.Sub(looked)))
		}
		before, looked = used, now
		timer.Reset(wait)
	}
}

// isIdle reports whether every process is ready and has nothing to run.
func (s *Supervisor) isIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.slots, func(sl *slot) bool {
		return sl.process != nil && (!sl.ready || s.scheduler.runsOf(sl.process) > 0)
	})
}

// checkMemory kills what is above the limit, and returns what each process and what it
// started have.
func (s *Supervisor) checkMemory() (map[int]uint64, error) {
	processes := s.processes()
	groups := make([]int, 0, len(processes))
	for _, p := range processes {
		groups = append(groups, p.PID())
	}
	used, err := proc.GroupMemory(groups)
	if err != nil {
		return nil, err
	}
	for _, p := range processes {
		if used[p.PID()] <= uint64(s.cfg.MemoryLimit) {
			continue
		}
		s.cfg.Logger.Debug("a worker process passed its memory limit", "pid", p.PID(), "bytes", used[p.PID()], "limit", s.cfg.MemoryLimit)
		why := fmt.Sprintf("since it passed the memory limit of %d bytes", s.cfg.MemoryLimit)
		s.end(p, ending{cause: codec.CauseMemoryLimit, why: why})
	}
	return used, nil
}

// nextMemoryLook returns when to look again at a process that came from before to
// used bytes in the time that passed: when it has half of what is left to it,
// if it goes on so.
func nextMemoryLook(limit, used, before uint64, passed time.Duration) time.Duration {
	if used >= limit {
		return memoryLeastLook
	}
	wait, left := memoryLook, limit-used
	if left < limit/8 {
		wait = memoryNearLook
	}
	if used > before {
		growth := float64(used-before) / float64(passed)
		wait = min(wait, time.Duration(float64(left)/2/growth))
	}
	return max(wait, memoryLeastLook)
}
