package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	// useClient does all that a client can with the client of its task. Its argument is
	// the id of a task of another client, whose outcome is 11.
	useClient = codec.NewFunc[string, string]("inside/use")
	// callPerform calls perform.
	callPerform = codec.NewFunc[job, int]("inside/call", codec.WithErrors(pool.ErrClientForbidden))
	sameBytes   = codec.NewFunc[[]byte, []byte]("inside/same")
)

func init() {
	consumer.Handle(sameBytes, func(_ context.Context, b []byte) ([]byte, error) { return b, nil })
	consumer.Handle(useClient, func(ctx context.Context, other string) (string, error) {
		c, err := pool.Client(ctx)
		if err != nil {
			return "", err
		}
		for _, use := range []struct {
			name string
			do   func(context.Context, *producer.Client) error
		}{
			{"submit", submitInside}, {"map", mapInside}, {"large", largeInside}, {"key", keyInside}, {"delay", delayInside}, {"schedule", scheduleInside},
			{"attach", func(ctx context.Context, c *producer.Client) error { return attachInside(ctx, c, other) }},
		} {
			if err := use.do(ctx, c); err != nil {
				return "", fmt.Errorf("%s: %w", use.name, err)
			}
		}
		return brokerSockets()
	})
	consumer.Handle(callPerform, func(ctx context.Context, j job) (int, error) {
		c, err := pool.Client(ctx)
		if err != nil {
			return 0, err
		}
		f, err := producer.Submit(ctx, c, perform, j)
		if err != nil {
			return 0, err
		}
		return f.Result(ctx)
	})
}

// expect returns an error unless a call's outcome is the one expected.
func expect[R comparable](ctx context.Context, f *producer.Future[R], err error, want R) error {
	if err != nil {
		return err
	}
	got, err := f.Result(ctx)
	if err == nil && got != want {
		err = fmt.Errorf("%v, want %v", got, want)
	}
	return err
}

func submitInside(ctx context.Context, c *producer.Client) error {
	f, err := producer.Submit(ctx, c, perform, job{Value: 7})
	if err := expect(ctx, f, err, 7); err != nil {
		return err
	}
	f, err = producer.Submit(ctx, c, perform, job{Fail: "on purpose"})
	if err != nil {
		return err
	}
	if _, err = f.Result(ctx); err == nil || !strings.Contains(err.Error(), "on purpose") {
		return fmt.Errorf("a task that fails: %v", err)
	}
	return nil
}

func mapInside(ctx context.Context, c *producer.Client) error {
	jobs := make([]job, 3000)
	for i := range jobs {
		jobs[i].Value = i
	}
	values, err := producer.Collect(producer.Map(ctx, c, perform, slices.Values(jobs)))
	if err != nil {
		return err
	}
	for i, v := range values {
		if v != i {
			return fmt.Errorf("value %d is %d", i, v)
		}
	}
	if len(values) != len(jobs) {
		return fmt.Errorf("%d values", len(values))
	}
	return nil
}

func largeInside(ctx context.Context, c *producer.Client) error {
	value := bytes.Repeat([]byte("large"), 1<<20)
	f, err := producer.Submit(ctx, c, sameBytes, value)
	if err != nil {
		return err
	}
	got, err := f.Result(ctx)
	if err == nil && !bytes.Equal(got, value) {
		err = fmt.Errorf("%d other bytes", len(got))
	}
	return err
}

func keyInside(ctx context.Context, c *producer.Client) error {
	first, err := producer.Submit(ctx, c, perform, job{Value: 8, Takes: 300 * time.Millisecond}, producer.Key("inside"))
	if err != nil {
		return err
	}
	second, err := producer.Submit(ctx, c, perform, job{Value: 9}, producer.Key("inside"))
	if err := expect(ctx, second, err, 8); err != nil {
		return err
	}
	return expect(ctx, first, nil, 8)
}

func delayInside(ctx context.Context, c *producer.Client) error {
	never, err := producer.Submit(ctx, c, perform, job{}, producer.Delay(time.Hour))
	if err != nil {
		return err
	}
	soon, err := producer.Submit(ctx, c, perform, job{Value: 10}, producer.Delay(300*time.Millisecond), producer.Retain(time.Minute))
	if err := expect(ctx, soon, err, 10); err != nil {
		return err
	}
	cancelled, err := never.Cancel(ctx)
	if err == nil && !cancelled {
		err = errors.New("a task that waits for its time was not cancelled")
	}
	return errors.Join(err, c.Flush(ctx))
}

func scheduleInside(ctx context.Context, c *producer.Client) error {
	err := producer.Schedule(ctx, c, "inside", "0 0 1 1 *", perform, job{})
	if err != nil {
		return err
	}
	return producer.Unschedule(ctx, c, "inside")
}

func attachInside(ctx context.Context, c *producer.Client, other string) error {
	id, err := codec.ParseID(other)
	if err != nil {
		return err
	}
	f, err := producer.Attach(ctx, c, perform, id)
	return expect(ctx, f, err, 11)
}

// brokerSockets lists the network sockets that this process has, where /proc tells.
func brokerSockets() (string, error) {
	tables := ""
	for _, name := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/self/net/" + name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		tables += string(text)
	}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return "", err
	}
	var found []string
	for _, link := range links {
		to, err := os.Readlink(link)
		inode, isSocket := strings.CutPrefix(to, "socket:[")
		if err == nil && isSocket && strings.Contains(tables, " "+strings.TrimSuffix(inode, "]")+" ") {
			found = append(found, to)
		}
	}
	return strings.Join(found, " "), nil
}

// A task's client does all that a client does, and its process has no connection to the
// broker.
func TestATasksClientDoesWhatAnyClientDoes(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	p := start(t, 2)
	f, err := producer.Submit(ctx, p.Client(), perform, job{Value: 11}, producer.Retain(time.Minute))
	require.NoError(t, err)
	_, err = f.Result(ctx)
	require.NoError(t, err)
	use, err := producer.Submit(ctx, p.Client(), useClient, f.ID().String())
	require.NoError(t, err)
	sockets, err := use.Result(ctx)
	require.NoError(t, err)
	require.Empty(t, sockets)
}

func TestAHostMayForbidClients(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	p := start(t, 1, func(c *pool.Config) error {
		c.ForbidClient = true
		return nil
	})
	for range 2 {
		f, err := producer.Submit(ctx, p.Client(), callPerform, job{})
		require.NoError(t, err)
		_, err = f.Result(ctx)
		require.ErrorIs(t, err, pool.ErrClientForbidden)
	}
}

// A task's client outlives the broker, as any client does.
//
// Not parallel, and with the fewest processes: one that is just being forked has the
// broker's listener open until it is another program, and the next broker could not listen.
func TestATasksClientOutlivesTheBroker(t *testing.T) {
	ctx := soon(t)
	cfg := broker.ServerConfig{Port: brokertest.FreePorts(t, 1)[0], StoreDir: t.TempDir()}
	server, err := broker.StartServer(cfg)
	require.NoError(t, err)
	defer func() { server.Shutdown() }()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	host, err := pool.Start(ctx, pool.Config{URL: server.URL(), Processes: 1, Logger: logger, Stdout: t.Output(), Stderr: t.Output()})
	require.NoError(t, err)
	defer host.Kill()
	client, err := producer.Connect(ctx, server.URL(), producer.WithLogger(logger))
	require.NoError(t, err)
	defer client.Close(ctx)

	mark, gate := filepath.Join(t.TempDir(), "mark"), filepath.Join(t.TempDir(), "gate")
	f, err := producer.Submit(ctx, client, callPerform, job{Mark: mark, Gate: gate, Value: 12})
	require.NoError(t, err)
	require.NoError(t, awaitFile(ctx, mark))
	server.Shutdown()
	server, err = broker.StartServer(cfg)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	n, err := f.Result(ctx)
	require.NoError(t, err)
	require.Equal(t, 12, n)
	again, err := producer.Submit(ctx, client, callPerform, job{Value: 13})
	require.NoError(t, expect(ctx, again, err, 13))
}
