package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
)

// local is the worker process's own client, made when a handler first asks.
var local inside

type inside struct {
	mu     sync.Mutex
	setup  *setup
	client *producer.Client
}

func (i *inside) set(s setup) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.setup = &s
}

func (i *inside) close() error {
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
// gives its place up for the while, so that tasks that call tasks do not block
// each other, and calls nested deeper than 10 fail with codec.ErrDepth. Its error
// wraps [ErrNotInside] outside of tasks, or is that of producer.Connect.
func Client(ctx context.Context, options ...producer.Option) (*producer.Client, error) {
	if _, ok := consumer.Task(ctx); !ok {
		return nil, ErrNotInside
	}
	local.mu.Lock()
	defer local.mu.Unlock()
	if local.setup == nil {
		return nil, ErrNotInside
	}
	if local.client == nil {
		options = append(options, producer.WithQueue(local.setup.Queue), producer.WithCredentials(local.setup.Login))
		client, err := producer.Connect(ctx, local.setup.URL, options...)
		if err != nil {
			return nil, fmt.Errorf("pool: connecting from inside a task: %w", err)
		}
		local.client = client
	}
	return local.client, nil
}
