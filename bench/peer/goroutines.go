package peer

import (
	"context"
	"runtime"
	"sync"
)

// goroutines is what no queue can beat: a channel and goroutines in one process.
// Nothing is stored, and nothing can be killed.
type goroutines struct {
	fleet
	jobs  chan job
	group sync.WaitGroup
}

type job struct {
	task   Task
	future chan uint64
}

func newGoroutines() *goroutines { return &goroutines{} }

func (g *goroutines) Info() Info {
	return Info{Name: "goroutines", Title: "goroutines, one process", Settings: []string{
		"a buffered channel of 1,024 tasks, each with a channel for its outcome; not durable, not isolated: the limit",
	}}
}

func (g *goroutines) Missing() error { return nil }

func (g *goroutines) Start(_ context.Context, setup Setup) error {
	g.setup = setup
	g.jobs = make(chan job, 1024)
	jobs := g.jobs
	for range setup.Workers {
		g.group.Go(func() {
			for j := range jobs {
				j.future <- j.task.run()
			}
		})
	}
	g.dial = func(context.Context, int) (client, error) { return channelClient{jobs}, nil }
	return nil
}

func (g *goroutines) Stop() {
	g.hangUp()
	if g.jobs != nil {
		close(g.jobs)
		g.group.Wait()
		g.jobs = nil
	}
}

type channelClient struct{ jobs chan<- job }

func (c channelClient) burst(ctx context.Context, tasks []Task, window int) (uint64, error) {
	futures := make([]chan uint64, min(window, len(tasks)))
	var sum uint64
	settle := func(f chan uint64) error {
		select {
		case n := <-f:
			sum += n
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for i := range tasks {
		slot := i % len(futures)
		if futures[slot] != nil {
			if err := settle(futures[slot]); err != nil {
				return sum, err
			}
		}
		futures[slot] = make(chan uint64, 1)
		select {
		case c.jobs <- job{tasks[i], futures[slot]}:
		case <-ctx.Done():
			return sum, ctx.Err()
		}
	}
	for _, f := range futures {
		if err := settle(f); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func (c channelClient) mapOver(ctx context.Context, n int) (uint64, error) {
	tasks := make([]Task, n)
	for i := range tasks {
		tasks[i].N = uint64(i)
	}
	return c.burst(ctx, tasks, 4096)
}

func (c channelClient) park(_ context.Context, n int) (func(), error) {
	futures := make([]chan uint64, n)
	for i := range futures {
		futures[i] = make(chan uint64, 1)
	}
	return func() { runtime.KeepAlive(futures) }, nil
}

func (channelClient) close() {}
