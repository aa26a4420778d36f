package matrix

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// limit is how long a task may run whose process will freeze. The stage must be
// reached before it has passed.
const limit = 4 * time.Second

func TestMatrix(t *testing.T) {
	url := startBroker(t)
	t.Run("all", func(t *testing.T) { // ends when all cases have
		for i, f := range faults {
			for j, s := range stages {
				t.Run(f.name+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					a := newAct(t, url, fmt.Sprintf("q%d_%d", i, j), &f, &s)
					a.play()
				})
			}
		}
	})
}

// startBroker starts a broker within this process.
func startBroker(t *testing.T) string {
	t.Helper()
	b, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(b.Shutdown)
	return b.URL()
}

// act is one case: a fault strikes one task, in one process, at one stage.
type act struct {
	*fault
	stage  *stage
	t      *testing.T
	ctx    context.Context
	logger *slog.Logger
	url    string // of the broker
	queue  string

	line    *line
	theatre *theatre
	host    *pool.Supervisor
	client  *producer.Client
	victim  *puppet
	future  *producer.Future[seen]
	started []int // processes, by the victim

	stopDrain func()
	drained   chan error
}

func newAct(t *testing.T, url, queue string, f *fault, s *stage) *act {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	a := &act{
		fault: f, stage: s, t: t, ctx: ctx, url: url, queue: queue,
		logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	t.Cleanup(func() { requireGone(t, "processes are left at the end", func() []int { return marked(queue) }) })
	a.line, a.theatre = newLine(t, url), newTheatre(t)
	a.host = a.newHost(a.line.url, f.env...)
	a.victim = a.theatre.victim(t, ctx)
	var err error
	a.client, err = producer.Connect(ctx, url, producer.WithQueue(queue), producer.WithLogger(a.logger))
	require.NoError(t, err)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_ = a.client.Close(ended)
	})
	return a
}

// newHost starts a host with one process.
func (a *act) newHost(url string, env ...string) *pool.Supervisor {
	a.t.Helper()
	h, err := pool.Start(a.ctx, pool.Config{
		URL: url, Queue: a.queue, Processes: 1, Host: "host",
		Env:    append([]string{markerEnv + "=" + a.queue, stringsEnv + "=" + a.theatre.address}, env...),
		Logger: a.logger, Stdout: a.t.Output(), Stderr: a.t.Output(),
	})
	require.NoError(a.t, err)
	a.t.Cleanup(h.Kill)
	return h
}

func (a *act) play() {
	if a.stage.holds != nil {
		a.line.hold(a.victim.PID, a.stage.holds)
	}
	if !a.stage.runs {
		a.victim.tell("go")
	}
	options := []producer.CallOption{producer.Crashes(1)} // the first death is the last
	if a.effect == freezes && a.fate() == isStopped {
		options = append(options, producer.Limit(limit))
	}
	a.future = a.submit("the task", options...)
	a.stage.reach(a)
	a.started = a.strike(a.t, a.ctx, a.victim)
	switch {
	case a.effect == survives:
		a.line.letGo()
		if a.stage.runs {
			a.victim.tell("go")
		}
	case a.effect == freezes && a.stage.name == draining:
		a.stopDrain()
	}

	a.requireFate()
	if a.effect != survives {
		requireGone(a.t, "the process, or what it started, is left", func() []int { return append(a.started, a.victim.PID) })
	}
	a.requireRecovery()
	store := openStore(a.t, a.url)
	store.requireEmptyQueue(a.ctx, a.queue)
	letters := store.deadLetters(a.ctx, a.queue)
	if a.fate() != fails {
		require.Empty(a.t, letters)
		return
	}
	require.Len(a.t, letters, 1)
	require.Equal(a.t, a.future.Err(a.ctx), letters[a.future.ID()].Err(a.future.ID()))
}

func (a *act) submit(name string, options ...producer.CallOption) *producer.Future[seen] {
	a.t.Helper()
	f, err := producer.Submit(a.ctx, a.client, work, name, options...)
	require.NoError(a.t, err)
	return f
}

// fate is what is to come of the task.
func (a *act) fate() fate {
	switch a.effect {
	case dies:
		return a.stage.died
	case freezes:
		return a.stage.frozen
	}
	return isAnswered
}

func (a *act) requireFate() {
	a.t.Helper()
	if a.fate() == runsAgain && a.stage.name == draining {
		a.newHost(a.url)
	}
	result, err := a.future.Result(a.ctx)
	switch a.fate() {
	case isAnswered:
		require.NoError(a.t, err)
		require.Equal(a.t, seen{PID: a.victim.PID, Attempt: 1}, result)
	case runsAgain:
		require.NoError(a.t, err)
		require.NotEqual(a.t, a.victim.PID, result.PID)
		require.Equal(a.t, 1, result.Attempt, "the task was charged")
	case fails:
		var died *codec.WorkerDiedError
		require.ErrorAs(a.t, err, &died)
		require.Contains(a.t, died.Stderr, a.cause.Stderr)
		want := a.cause
		require.NotEmpty(a.t, died.Cause)
		want.Task, want.Host, want.PID, want.Attempt = a.future.ID(), "host", a.victim.PID, 1
		want.Stderr, want.Cause = died.Stderr, died.Cause
		require.Equal(a.t, &want, died)
	case isStopped:
		require.ErrorIs(a.t, err, codec.ErrTimeLimit)
	}
}

// requireRecovery fails unless the host goes on to run the next task, or ends
// its drain.
func (a *act) requireRecovery() {
	a.t.Helper()
	if a.stage.name != draining {
		require.NoError(a.t, a.submit("the next").Err(a.ctx))
		return
	}
	err := <-a.drained
	if a.effect == freezes {
		require.ErrorIs(a.t, err, context.Canceled)
		return
	}
	require.NoError(a.t, err)
}
