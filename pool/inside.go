package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
)

// inside is the worker process's own client, made when a handler first asks.
var inside taskClient

type taskClient struct {
	mu     sync.Mutex
	queue  string
	ask    func(report)      // asks the supervisor; nil outside of a worker process
	access chan clientAccess // its answer
	client *producer.Client
}

func (i *taskClient) open(queue string, ask func(report)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queue, i.ask, i.access = queue, ask, make(chan clientAccess, 1)
}

// answer takes the supervisor's answer.
func (i *taskClient) answer(a clientAccess) {
	select {
	case i.access <- a:
	default: // there is one that nobody has taken
	}
}

func (i *taskClient) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.client == nil {
		return nil
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := i.client.Close(ended); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Client gives a client for calls from inside a task, connected to the broker
// and queue that the worker process serves. It is made at the first call and
// belongs to the process: do not close it; the options are those of the first
// call. Submit and wait with the handler's context: then a handler that waits
// frees its slot for the while, so that tasks that call tasks do not block
// each other, and calls nested deeper than 10 fail with codec.ErrDepth. Its error
// wraps [ErrNotInside] outside of tasks, or is that of producer.Connect.
func Client(ctx context.Context, options ...producer.Option) (*producer.Client, error) {
	if _, ok := consumer.Task(ctx); !ok {
		return nil, ErrNotInside
	}
	inside.mu.Lock()
	defer inside.mu.Unlock()
	if inside.ask == nil {
		return nil, ErrNotInside
	}
	if inside.client != nil {
		return inside.client, nil
	}
	inside.ask(report{Client: true})
	var access clientAccess
	select {
	case access = <-inside.access:
	case <-ctx.Done():
		return nil, fmt.Errorf("pool: asking the supervisor for a client: %w", context.Cause(ctx))
	}
	options = append(options, producer.WithQueue(inside.queue), producer.WithCredentials(access.Login))
	client, err := producer.Connect(ctx, access.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("pool: connecting from inside a task: %w", err)
	}
	inside.client = client
	return client, nil
}
