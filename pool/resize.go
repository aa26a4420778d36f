package pool

import (
	"context"
	"fmt"
	"slices"
)

// Resize changes the number of worker processes, 1 or more, and returns when
// new ones are ready and surplus ones have left; those finish what they run
// first, and idle ones go before busy ones. When ctx ends before, the change
// goes on and Resize gives ctx.Err, wrapped. Its error wraps [ErrConfig],
// [ErrStopped] or [ErrNotReady].
func (s *Supervisor) Resize(ctx context.Context, processes int) error {
	fates, leaving, err := s.resize(func(int) int { return processes })
	if err != nil {
		return err
	}
	for _, p := range leaving {
		select {
		case <-p.gone:
		case <-ctx.Done():
			return fmt.Errorf("pool: waiting for worker processes to leave: %w", context.Cause(ctx))
		}
	}
	return s.awaitReady(ctx, fates)
}

// resize begins to change the number of worker processes, by the number that
// there should be until now. It gives what adjust does.
func (s *Supervisor) resize(to func(now int) int) (fates chan error, leaving []*place, err error) {
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
	return s.adjust()
}

// add begins to have so many worker processes more, or less if it is negative.
func (s *Supervisor) add(n int) error {
	_, _, err := s.resize(func(now int) int { return now + n })
	return err
}

// processes gives how many worker processes there should be.
func (s *Supervisor) processes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Processes
}

// waitingChanged takes in that a handler waits for another task, or no more.
// While it does, another process stands in: otherwise tasks that wait for tasks
// could fill every place there is.
func (s *Supervisor) waitingChanged(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += by
	if _, _, err := s.adjust(); err != nil {
		s.cfg.Logger.Debug("adjusting the number of processes", "error", err)
	}
}

// adjust adds places, or has surplus ones leave; s.mu is held. It gives where
// the fates of the new places' first processes come, one from each, and the
// places that leave.
func (s *Supervisor) adjust() (fates chan error, leaving []*place, err error) {
	if s.isStopping() {
		return nil, nil, ErrStopped
	}
	var staying []*place
	for _, p := range s.places {
		if !p.quitting {
			staying = append(staying, p)
		}
	}
	want := min(s.cfg.Processes+s.waiting, maxProcesses)
	if surplus := len(staying) - want; surplus > 0 {
		slices.SortStableFunc(staying, func(a, b *place) int { return a.worth() - b.worth() })
		leaving = staying[:surplus]
		for _, p := range leaving {
			p.leave()
		}
	}
	fates = make(chan error, max(want-len(staying), 0))
	for range cap(fates) {
		s.addPlace(fates)
	}
	return fates, leaving, nil
}

// addPlace adds a place that reports the fate of its first process; s.mu is
// held.
func (s *Supervisor) addPlace(fates chan<- error) {
	p := &place{Supervisor: s, number: s.freeNumber(), quit: make(chan struct{}), gone: make(chan struct{})}
	s.places = append(s.places, p)
	s.keepers.Go(func() {
		p.keep(func(err error) { fates <- err })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.places = slices.DeleteFunc(s.places, func(q *place) bool { return q == p })
		close(p.gone)
	})
}

// freeNumber gives the lowest number that no place has; s.mu is held.
func (s *Supervisor) freeNumber() int {
	taken := make([]bool, len(s.places)+1)
	for _, p := range s.places {
		if p.number < len(taken) {
			taken[p.number] = true
		}
	}
	return slices.Index(taken, false)
}

// leave has the place's process finish what it runs, and the place go; s.mu is
// held.
func (p *place) leave() {
	if !p.quitting {
		p.quitting = true
		close(p.quit)
	}
}

// worth orders places by what is lost when they go; s.mu is held.
func (p *place) worth() int {
	switch {
	case p.current == nil:
		return 0
	case p.scheduler.runsOf(p.current) == 0:
		return 1
	}
	return 2
}
