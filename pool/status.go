package pool

import (
	"cmp"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/proc"
)

// Status tells how the host stands and what it has done, without Spans: those are
// in heartbeats alone. It is safe for concurrent use.
func (s *Supervisor) Status() codec.HostStatus {
	status := s.snapshot()
	// Reading this takes longer than the rest, which others wait for.
	status.Memory = proc.ResidentMemory(status.PID)
	for i := range status.Processes {
		if p := &status.Processes[i]; p.PID != 0 {
			p.Memory = proc.ResidentMemory(p.PID)
		}
	}
	return status
}

func (s *Supervisor) snapshot() codec.HostStatus {
	status := codec.HostStatus{
		ID: s.id, Host: s.cfg.Host, PID: os.Getpid(), Queue: s.cfg.Queues[0].Name, Queues: s.cfg.Queues, Version: moduleVersion(),
		Started: s.startedAt, CPUs: usableCPUs(), MemoryLimit: s.cfg.MemoryLimit,
		Processes: []codec.ProcessStatus{}, Latest: []codec.ProcessDeath{},
		Deaths: map[codec.Cause]uint64{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Sent = time.Now()
	status.Want, status.State, status.Funcs = s.cfg.Processes, s.state(), s.funcs
	for _, sl := range s.slots {
		status.Processes = append(status.Processes, sl.status())
	}
	slices.SortFunc(status.Processes, func(a, b codec.ProcessStatus) int { return cmp.Compare(a.Place, b.Place) })
	status.Counts, status.HandOffs = s.scheduler.totals()
	for cause, n := range s.deaths.counts {
		status.Deaths[cause] = n
	}
	status.Latest = append(status.Latest, s.deaths.latest...)
	return status
}

// Connected reports whether the host has its connection to the broker now.
func (s *Supervisor) Connected() bool { return s.nc.IsConnected() }

// state is what the host is about; s.mu is held.
func (s *Supervisor) state() codec.HostState {
	switch {
	case s.isStopped():
		return codec.HostStopped
	case s.isStopping():
		return codec.HostDraining
	case !s.healthyLocked():
		return codec.HostUnhealthy
	}
	return codec.HostServing
}

// module is the path of this module.
const module = "github.com/musterfleet/muster"

// moduleVersion returns the version of this module that the program was built with,
// empty if it does not tell.
var moduleVersion = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
})

// served returns how many tasks a process has served.
func (s *scheduler) served(p *process) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.work == nil {
		return 0
	}
	return uint64(p.work.served)
}

// runsOf returns how many runs a process has.
func (s *scheduler) runsOf(p *process) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.work == nil {
		return 0
	}
	return len(p.work.runs)
}
