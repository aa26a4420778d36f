package peer

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// client submits to one peer. One burst at a time.
type client interface {
	// burst submits tasks one by one, has no more than window in flight, and
	// waits for their outcomes.
	burst(ctx context.Context, all tasks, window int) (gain, error)
	close()
}

// gain is what a burst came to.
type gain struct {
	sum  uint64    // of the outcomes
	rest time.Time // where some tasks are long: when the others had their outcomes
}

// mapper is a client that can map over the integers below n.
type mapper interface {
	mapOver(ctx context.Context, n int) (uint64, error)
}

// parker is a client that can hold futures of tasks that nobody runs, until
// release.
type parker interface {
	park(ctx context.Context, n int) (release func(), err error)
}

// fleet drives a peer that is written in Go. Peers embed it.
type fleet struct {
	setup   Setup
	dial    func(ctx context.Context, number int) (client, error)
	clients []client
	workers []*child
}

// Do implements Peer.
func (f *fleet) Do(ctx context.Context, load Load) (Report, error) {
	if load.Mode == Idle {
		return f.idle(ctx, load.Sleep)
	}
	load.complete()
	for len(f.clients) < load.Clients {
		c, err := f.dial(ctx, len(f.clients))
		if err != nil {
			return Report{}, fmt.Errorf("connecting client %d: %w", len(f.clients), err)
		}
		f.clients = append(f.clients, c)
	}
	report := Report{}
	if load.Parked > 0 {
		release, bytes, err := parkOn(ctx, f.clients[0], load.Parked)
		if err != nil {
			return Report{}, err
		}
		defer func() {
			release()
			f.disconnect()
		}()
		report.Parked = bytes
	}
	want, spins := load.sums()
	if spins > 0 {
		report.Ideal = ideal(spins, f.setup.Workers) / 2
	}
	runtime.GC() // what the last measurement left is not this one's to pay

	start := time.Now()
	got, err := f.run(ctx, &load, &report)
	report.Elapsed = time.Since(start)
	if !got.rest.IsZero() {
		report.Rest = got.rest.Sub(start)
	}
	if spins > 0 {
		report.Ideal += ideal(spins, f.setup.Workers) / 2
	}
	if err == nil && got.sum != want {
		err = fmt.Errorf("%w: they add up to %d, not %d", ErrWrong, got.sum, want)
	}
	return report, err
}

func (f *fleet) run(ctx context.Context, load *Load, report *Report) (gain, error) {
	all := tasks{load: load, n: load.Tasks}
	switch load.Mode {
	case Map:
		m, ok := f.clients[0].(mapper)
		if !ok {
			return gain{}, ErrUnsupported
		}
		sum, err := m.mapOver(ctx, load.Tasks)
		return gain{sum: sum}, err
	case Sequence:
		var got gain
		report.Each = make([]time.Duration, 0, all.n)
		for i := range all.n {
			start := time.Now()
			one, err := f.clients[0].burst(ctx, all.part(i, i+1), 1)
			if err != nil {
				return gain{}, err
			}
			report.Each = append(report.Each, time.Since(start))
			got.sum += one.sum
		}
		return got, nil
	case Burst:
		return f.together(ctx, all)
	}
	return gain{}, fmt.Errorf("peer: no such mode: %q", load.Mode)
}

// together has each client submit its share at the same time.
func (f *fleet) together(ctx context.Context, all tasks) (gain, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type share struct {
		gain
		err error
	}
	shares := make(chan share)
	size := max(1, (all.n+all.load.Clients-1)/all.load.Clients)
	running := 0
	for from := 0; from < all.n; from += size {
		c, part := f.clients[running], all.part(from, min(all.n, from+size))
		running++
		go func() {
			got, err := c.burst(ctx, part, all.load.Window)
			shares <- share{got, err}
		}()
	}
	var got gain
	var failed error
	for range running {
		done := <-shares
		got.sum += done.sum
		if done.rest.After(got.rest) {
			got.rest = done.rest
		}
		if done.err != nil && failed == nil {
			failed = done.err
			cancel()
		}
	}
	return got, failed
}

func (f *fleet) disconnect() {
	for _, c := range f.clients {
		c.close()
	}
	f.clients = nil
}

// hangUp closes clients and stops workers.
func (f *fleet) hangUp() {
	f.disconnect()
	stopAll(f.workers)
	f.workers = nil
}

// Hold stops the workers of a peer that polls from running, and Release lets
// them run again.
func (f *fleet) Hold()    { f.signalWorkers(holdSignal) }
func (f *fleet) Release() { f.signalWorkers(releaseSignal) }

func (f *fleet) signalWorkers(signal func(pid int) error) {
	for _, w := range f.workers {
		_ = signal(w.pid()) // one that has ended is missed by its next task
	}
}
