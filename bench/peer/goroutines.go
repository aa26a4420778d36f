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

func (c channelClient) burst(ctx context.Context, all tasks, window int) (gain, error) {
	return withFutures(all, window,
		func(i int) (chan uint64, error) {
			future := make(chan uint64, 1)
			select {
			case c.jobs <- job{all.at(i), future}:
				return future, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		func(future chan uint64) (uint64, error) {
			select {
			case n := <-future:
				return n, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
}

func (c channelClient) mapOver(ctx context.Context, n int) (uint64, error) {
	got, err := c.burst(ctx, tasks{load: &Load{}, n: n}, 4096)
	return got.sum, err
}

func (c channelClient) park(_ context.Context, n int) (func(), error) {
	futures := make([]chan uint64, n)
	for i := range futures {
		futures[i] = make(chan uint64, 1)
	}
	return func() { runtime.KeepAlive(futures) }, nil
}

func (channelClient) close() {}
