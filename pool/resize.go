package pool

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Resize changes the number of worker processes, 1 or more, and returns when
// new ones are ready and surplus ones have left; those finish what they run
// first, and idle ones go before busy ones. When ctx ends before, the change
// goes on and Resize returns ctx.Err, wrapped. Its error wraps [ErrConfig],
// [ErrStopped] or [ErrNotReady].
func (s *Supervisor) Resize(ctx context.Context, processes int) error {
	started, leaving, err := s.resize(func(int) int { return processes })
	if err != nil {
		return err
	}
	for _, sl := range leaving {
		select {
		case <-sl.gone:
		case <-ctx.Done():
			return fmt.Errorf("pool: waiting for worker processes to leave: %w", context.Cause(ctx))
		}
	}
	return s.awaitReady(ctx, started)
}

// resize begins to change the number of worker processes, by the number that
// there should be until now. It returns what reconcile does.
func (s *Supervisor) resize(to func(now int) int) (started chan error, leaving []*slot, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	processes := to(s.cfg.Processes)
	if processes < 1 || processes > maxProcesses {
		return nil, nil, fmt.Errorf("%w: %d worker processes; use 1 to %d", ErrConfig, processes, maxProcesses)
	}
	if s.isStopping() {
		return nil, nil, ErrStopped
	}
	s.cfg.Processes = processes
	return s.reconcile()
}

// add begins to have so many worker processes more, or less if it is negative.
func (s *Supervisor) add(n int) error {
	_, _, err := s.resize(func(now int) int { return now + n })
	return err
}

// desired returns how many worker processes there should be.
func (s *Supervisor) desired() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Processes
}

// waitingChanged takes in that a handler waits for another task, or no more.
// While it does, another process stands in: otherwise tasks that wait for tasks
// could fill every slot there is.
func (s *Supervisor) waitingChanged(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += by
	if _, _, err := s.reconcile(); err != nil {
		s.cfg.Logger.Debug("changing the number of processes", "error", err)
	}
}

// reconcile adds slots, or has surplus ones leave. It returns where each new slot
// reports how its first start ended, and the slots that leave. s.mu is held.
func (s *Supervisor) reconcile() (started chan error, leaving []*slot, err error) {
	if s.isStopping() {
		return nil, nil, ErrStopped
	}
	var staying []*slot
	for _, sl := range s.slots {
		if !sl.isLeaving() {
			staying = append(staying, sl)
		}
	}
	want := min(s.cfg.Processes+s.waiting, maxProcesses)
	if surplus := len(staying) - want; surplus > 0 {
		slices.SortStableFunc(staying, func(a, b *slot) int { return a.drainPriority() - b.drainPriority() })
		leaving = staying[:surplus]
		for _, sl := range leaving {
			sl.requestLeave()
		}
	}
	started = make(chan error, max(want-len(staying), 0))
	for range cap(started) {
		s.addSlot(started)
	}
	return started, leaving, nil
}

// addSlot adds a slot that reports how its first start ended. s.mu is held.
func (s *Supervisor) addSlot(started chan<- error) {
	sl := &slot{
		host: s, number: s.freeNumber(), state: slotWaiting,
		quit: make(chan struct{}), gone: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	s.slots = append(s.slots, sl)
	s.slotsWG.Go(func() {
		once := sync.Once{}
		sl.run(func(err error) { once.Do(func() { started <- err }) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.slots = slices.DeleteFunc(s.slots, func(other *slot) bool { return other == sl })
		close(sl.gone)
	})
}

// freeNumber returns the lowest number that no slot has. s.mu is held.
func (s *Supervisor) freeNumber() int {
	taken := make([]bool, len(s.slots)+1)
	for _, sl := range s.slots {
		if sl.number < len(taken) {
			taken[sl.number] = true
		}
	}
	return slices.Index(taken, false)
}
