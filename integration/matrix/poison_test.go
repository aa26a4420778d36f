package matrix

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// drink kills its process if what it is given is poison.
var drink = codec.NewFunc[string, int]("drink")

const poison = "poison"

func swallow(_ context.Context, what string) (int, error) {
	if what == poison {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		<-make(chan struct{}) // it may take a moment
	}
	return len(what), nil
}

// A task that kills every process it meets ends as a dead letter after its three
// attempts, and the thousand around it all succeed.
func TestPoison(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	url := startBroker(t)
	deaths := make(chan pool.Death, 16)
	host, err := pool.Start(ctx, pool.Config{
		URL: url, Queues: []pool.Queue{{Name: poison}}, Processes: 2, Logger: logger, Stdout: t.Output(), Stderr: t.Output(),
		Listener: pool.Listener{Died: func(d pool.Death) {
			if d.Running {
				deaths <- d
			}
		}},
	})
	require.NoError(t, err)
	defer host.Kill()
	client, err := producer.Connect(ctx, url, producer.WithQueue(poison), producer.WithLogger(logger))
	require.NoError(t, err)

	const good = 1000
	submit := func(what string) *producer.Future[int] {
		f, err := producer.Submit(ctx, client, drink, what)
		require.NoError(t, err)
		return f
	}
	var futures []*producer.Future[int]
	var doomed *producer.Future[int]
	for i := range good {
		if i == good/2 {
			doomed = submit(poison)
		}
		futures = append(futures, submit(fmt.Sprint(i)))
	}
	for i, f := range futures {
		n, err := f.Result(ctx)
		require.NoError(t, err)
		require.Len(t, fmt.Sprint(i), n)
	}
	var died *codec.WorkerDiedError
	require.ErrorAs(t, doomed.Err(ctx), &died)
	require.Equal(t, codec.DefaultCrashes, died.Attempt)
	require.Equal(t, "SIGKILL", died.Signal)
	require.False(t, died.OutOfMemory)

	require.NoError(t, client.Close(ctx))
	// While the host is there, which may have acknowledgements to send.
	store := openStore(t, url)
	store.requireEmptyQueue(ctx, poison)
	require.NoError(t, host.Drain(ctx))
	require.Len(t, deaths, codec.DefaultCrashes, "a death for each attempt, and no other")
	letters := store.deadLetters(ctx, poison)
	require.Len(t, letters, 1)
	require.Equal(t, error(died), letters[doomed.ID()].Err(doomed.ID()))
}
