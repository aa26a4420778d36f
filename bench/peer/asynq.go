package peer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/hibiken/asynq"
)

const asynqType = "bench"

// asynqPeer is asynq on Redis. It has no outcomes: ours come by a pipe.
type asynqPeer struct {
	fleet
	board board
	redis *redisServer
}

func newAsynq() *asynqPeer { return &asynqPeer{} }

func (a *asynqPeer) Info() Info {
	return Info{Name: "asynq", Title: "asynq on Redis", ByLength: true, Polls: true, Settings: []string{
		"one worker process, Concurrency 10 as in its own benchmark (as many as the others for long tasks), TaskCheckInterval 10 ms instead of 1 s",
		"32 goroutines enqueue for each client, since Enqueue waits for Redis; Redis with appendonly yes, appendfsync everysec, no snapshots",
		"counted when the handler returns, the outcome brought back by the benchmark: asynq has no futures",
	}}
}

func (a *asynqPeer) Missing() error {
	_, err := findRedis()
	return err
}

func (a *asynqPeer) Start(ctx context.Context, setup Setup) (err error) {
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	a.setup = setup
	if a.redis, err = startRedis(ctx); err != nil {
		return err
	}
	places := max(10, setup.Workers)
	if setup.Long {
		places = setup.Workers
	}
	if a.workers, err = (role{Name: "asynq", URL: a.redis.addr, Slot: places}).startWorkers(ctx, 1); err != nil {
		return err
	}
	go a.board.collect(a.workers[0])
	a.dial = func(_ context.Context, number int) (client, error) {
		c := asynq.NewClient(asynq.RedisClientOpt{Addr: a.redis.addr, PoolSize: enqueuers})
		return &asynqClient{client: c, board: &a.board, number: uint64(number)}, nil
	}
	return nil
}

func (a *asynqPeer) Stop() {
	a.hangUp()
	a.redis.close()
	a.redis = nil
}

func asynqRole(ctx context.Context, r role, ready func(string), out io.Writer) error {
	results := &resultWriter{out: out}
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: r.URL}, asynq.Config{
		Concurrency: r.Slot, TaskCheckInterval: 10 * time.Millisecond,
		LogLevel: asynq.ErrorLevel, ShutdownTimeout: time.Second,
	})
	ready("")
	err := server.Start(asynq.HandlerFunc(func(_ context.Context, at *asynq.Task) error {
		t, err := decodeTask(at.Payload())
		if err != nil {
			return fmt.Errorf("%w: %w", asynq.SkipRetry, err)
		}
		results.add(t.Client, t.run())
		return nil
	}))
	if err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}

// enqueuers is how many goroutines enqueue for one client.
const enqueuers = 32

type asynqClient struct {
	client *asynq.Client
	board  *board
	number uint64
}

func (c *asynqClient) burst(ctx context.Context, all tasks, window int) (gain, error) {
	t := newTally(all, window)
	c.board.expect(c.number, t)
	next := make(chan Task)
	for range min(enqueuers, all.n) {
		go func() {
			for task := range next {
				task.Client = c.number
				_, err := c.client.EnqueueContext(ctx, asynq.NewTask(asynqType, task.encode(), asynq.MaxRetry(0)))
				if err != nil {
					t.fail(err)
				}
			}
		}()
	}
	defer close(next)
	for i := range all.n {
		if err := t.admit(ctx, 1); err != nil {
			return gain{}, err
		}
		select {
		case next <- all.at(i):
		case <-ctx.Done():
			return gain{}, ctx.Err()
		}
	}
	return t.wait(ctx)
}

func (c *asynqClient) close() { _ = c.client.Close() }
