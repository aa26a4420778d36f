package peer

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// client submits to one peer. One burst at a time.
type client interface {
	// burst submits the tasks one by one, has no more than window in flight, and
	// gives the sum of their outcomes.
	burst(ctx context.Context, tasks []Task, window int) (uint64, error)
	close()
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
	load.Clients = max(1, load.Clients)
	if load.Window <= 0 {
		load.Window = max(1, load.Tasks)
	}
	load.zeros = make([]byte, load.Data)
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
	tasks := make([]Task, load.Tasks)
	var want uint64
	for i := range tasks {
		tasks[i] = load.task(i)
		want += tasks[i].outcome()
	}
	spins := load.spins()
	if spins > 0 {
		report.Ideal = ideal(spins, f.setup.Workers) / 2
	}
	runtime.GC() // what the last measurement left is not this one's to pay

	start := time.Now()
	sum, err := f.run(ctx, load, tasks, &report)
	report.Elapsed = time.Since(start)
	if spins > 0 {
		report.Ideal += ideal(spins, f.setup.Workers) / 2
	}
	if err == nil && sum != want {
		err = fmt.Errorf("%w: they add up to %d, not %d", ErrWrong, sum, want)
	}
	return report, err
}

func (f *fleet) run(ctx context.Context, load Load, tasks []Task, report *Report) (uint64, error) {
	switch load.Mode {
	case Map:
		m, ok := f.clients[0].(mapper)
		if !ok {
			return 0, ErrUnsupported
		}
		return m.mapOver(ctx, load.Tasks)
	case Sequence:
		var sum uint64
		report.Each = make([]time.Duration, 0, len(tasks))
		for i := range tasks {
			start := time.Now()
			one, err := f.clients[0].burst(ctx, tasks[i:i+1], 1)
			if err != nil {
				return 0, err
			}
			report.Each = append(report.Each, time.Since(start))
			sum += one
		}
		return sum, nil
	case Burst:
		return f.together(ctx, tasks, load)
	}
	return 0, fmt.Errorf("peer: no such mode: %q", load.Mode)
}

// together has each client submit its share at the same time.
func (f *fleet) together(ctx context.Context, tasks []Task, load Load) (uint64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type share struct {
		sum uint64
		err error
	}
	shares := make(chan share)
	size := (len(tasks) + load.Clients - 1) / load.Clients
	running := 0
	for part := range slices.Chunk(tasks, max(1, size)) {
		c := f.clients[running]
		running++
		go func() {
			sum, err := c.burst(ctx, part, load.Window)
			shares <- share{sum, err}
		}()
	}
	var sum uint64
	var failed error
	for range running {
		done := <-shares
		sum += done.sum
		if done.err != nil && failed == nil {
			failed = done.err
			cancel()
		}
	}
	return sum, failed
}

// parkOn parks futures and measures the memory that each takes.
func parkOn(ctx context.Context, c client, n int) (release func(), bytes float64, err error) {
	p, ok := c.(parker)
	if !ok {
		return nil, 0, ErrUnsupported
	}
	before := heapInUse()
	release, err = p.park(ctx, n)
	if err != nil {
		return nil, 0, fmt.Errorf("parking %d futures: %w", n, err)
	}
	return release, (heapInUse() - before) / float64(n), nil
}

func heapInUse() float64 {
	runtime.GC()
	runtime.GC() // the second frees what pools kept through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
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
