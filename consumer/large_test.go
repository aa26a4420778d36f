package consumer

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
)

// A limit, a kill and a deadline end the fetching of a large argument, and a limit and
// a kill the storing of a large result: the process need not be killed for that.
func TestLargeValuesEndWithTheirTask(t *testing.T) {
	t.Parallel()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	nc, err := broker.Connect(t.Context(), broker.Config{URL: server.URL()})
	require.NoError(t, err)
	defer nc.Close()
	store := objects.New(nc, slog.New(slog.DiscardHandler))
	object, err := store.Put(t.Context(), []byte("large"), 0)
	require.NoError(t, err)
	server.Shutdown() // from now on the store is tried for half a minute

	e := &executor{Worker: &Worker{Config: Config{MaxValue: DefaultMaxValue}, objects: store}}
	for name, stop := range map[string]func(*taskContext){
		"limit":    func(c *taskContext) { c.stop(codec.CodeTimeLimit) },
		"kill":     func(c *taskContext) { c.stop(codec.CodeCancelled) },
		"deadline": func(c *taskContext) { c.end(endDeadline) },
	} {
		task := &codec.Task{Func: "f", Object: object}
		ctx := newTaskContext(&origin{client: "c"}, task)
		fetched, putting := make(chan *codec.Failure, 1), make(chan *codec.Failure, 1)
		go func() {
			_, failure := e.argument(ctx, task)
			fetched <- failure
		}()
		go func() {
			if name == "deadline" { // which is no reason to lose a result
				putting <- &codec.Failure{}
				return
			}
			_, failure := e.large(ctx, task, []byte("large"))
			putting <- failure
		}()
		stop(ctx)
		bounded, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		for _, ended := range []chan *codec.Failure{fetched, putting} {
			select {
			case failure := <-ended:
				require.NotNil(t, failure, name)
			case <-bounded.Done():
				require.FailNow(t, "does not end", name)
			}
		}
		cancel()
	}
}
