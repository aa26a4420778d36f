package matrix

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
					a := newAct(t, url, fmt.Sprintf("q%d_%d", i, j), &s)
					a.fault = &f
					a.play()
				})
			}
		}
		for i, f := range hostFaults {
			for j, s := range stages {
				if f.runs && !s.runs {
					continue
				}
				t.Run(f.name+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					newAct(t, url, fmt.Sprintf("h%d_%d", i, j), &s).playHostFault(&f)
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

// act is one case: a fault strikes one task at one stage, in its process or at the
// supervisor.
type act struct {
	*fault // nil where it is the supervisor's
	stage  *stage
	t      *testing.T
	ctx    context.Context
	logger *slog.Logger
	url    string // of the broker
	queue  string

	line    *line
	theatre *theatre
	host    *pool.Supervisor // that the task meets first; nil if that is a program
	program *hostProgram
	deaths  chan pool.Death // of hosts in this process
	client  *producer.Client
	victim  *puppet
	task    *call
	blocker *call // that runs in the process where the task waits; nil if none does
	started []int // processes, by the victim

	stopDrain func()
	drained   chan error
}

func newAct(t *testing.T, url, queue string, s *stage) *act {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	a := &act{
		stage: s, t: t, ctx: ctx, url: url, queue: queue, deaths: make(chan pool.Death, 16),
		logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	t.Cleanup(func() {
		requireGone(t, "processes are left at the end", patience, func() []int { return marked(markerOf(queue, "here")) })
	})
	a.line, a.theatre = newLine(t, url), newTheatre(t)
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
func (a *act) newHost(name, url string, env ...string) *pool.Supervisor {
	a.t.Helper()
	h, err := pool.Start(a.ctx, pool.Config{
		URL: url, Queues: []pool.Queue{{Name: a.queue}}, Processes: 1, Host: name,
		Env:    append([]string{markerEnv + "=" + markerOf(a.queue, "here"), stringsEnv + "=" + a.theatre.address}, env...),
		Logger: a.logger, Stdout: a.t.Output(), Stderr: a.t.Output(),
		Listener: pool.Listener{Died: func(d pool.Death) { a.deaths <- d }},
	})
	require.NoError(a.t, err)
	a.t.Cleanup(h.Kill)
	return h
}

// play has the fault befall a process.
func (a *act) play() {
	a.host = a.newHost("host", a.line.url, a.env...)
	a.victim = a.theatre.victim(a.t, a.ctx)
	options := []producer.CallOption{producer.Crashes(1)} // the first death is the last
	if a.effect == freezes && (a.fate() == isStopped || a.stage.chunk) {
		options = append(options, producer.Limit(limit))
	}
	a.rehearse(options...)
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

	if a.fate() == runsAgain && a.stage.name == draining {
		a.newHost("other", a.url)
	}
	a.requireFate(a.task, a.fate())
	if a.blocker != nil {
		a.requireFate(a.blocker, a.blockerFate())
	}
	a.requireStored()
	if a.effect != survives {
		requireGone(a.t, "the process, or what it started, is left", patience, func() []int { return append(a.started, a.victim.PID) })
		a.requireDeath()
	}
	a.requireRecovery()
	if a.effect == survives {
		require.Empty(a.t, a.host.Status().Deaths)
	}
	a.requireLetters()
}

// rehearse brings the task to its stage.
func (a *act) rehearse(options ...producer.CallOption) {
	a.t.Helper()
	a.line.hold(a.stage.holds...)
	if !a.stage.runs {
		a.victim.tell("go")
	}
	if a.stage.chunk {
		a.blocker, a.task = a.submitChunk(options...)
	} else {
		a.task = a.submit("the task", options...)
	}
	a.stage.reach(a)
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

// blockerFate is what is to come of the task that runs before the one in question.
func (a *act) blockerFate() fate {
	switch a.effect {
	case dies:
		return fails
	case freezes:
		return isStopped
	}
	return isAnswered
}

// requireStored fails unless an outcome that its client could not get from the
// supervisor was stored for it.
func (a *act) requireStored() {
	a.t.Helper()
	if a.stage.name != computed || a.effect == survives {
		return
	}
	require.Eventually(a.t, func() bool { return a.host.Status().HandOffs.Stored == 1 }, patience, time.Millisecond)
	require.Zero(a.t, a.host.Status().HandOffs.Direct)
}

// requireDeath fails unless the victim's death has been charged if it ran a task,
// and is the only one that nobody asked for.
func (a *act) requireDeath() {
	a.t.Helper()
	charged := a.fate() == fails || a.fate() == isStopped || a.blocker != nil
	for {
		select {
		case d := <-a.deaths:
			if d.PID == a.victim.PID {
				require.Equal(a.t, charged, d.Running, "%+v", d)
				return
			}
			require.True(a.t, d.Expected, "%+v", d)
		case <-a.ctx.Done():
			require.FailNow(a.t, "nobody tells of the victim's death")
		}
	}
}

// requireRecovery fails unless the host goes on to run the next task, or ends
// its drain.
func (a *act) requireRecovery() {
	a.t.Helper()
	if a.stage.name != draining {
		_, err := a.submit("the next").result(a.ctx)
		require.NoError(a.t, err)
		return
	}
	err := <-a.drained
	if a.effect == freezes {
		require.ErrorIs(a.t, err, context.Canceled)
		return
	}
	require.NoError(a.t, err)
}

// requireLetters fails unless the queue empties, and a dead letter tells of the task
// that has failed because its process died, and of no other.
func (a *act) requireLetters() {
	a.t.Helper()
	store := openStore(a.t, a.url)
	store.requireEmptyQueue(a.ctx, a.queue)
	letters := store.deadLetters(a.ctx, a.queue)
	var failed *call
	switch {
	case a.fault == nil || a.effect != dies:
	case a.blocker != nil:
		failed = a.blocker
	case a.fate() == fails:
		failed = a.task
	}
	if failed == nil {
		require.Empty(a.t, letters)
		return
	}
	require.Len(a.t, letters, 1)
	_, err := failed.result(a.ctx)
	require.Equal(a.t, err, letters[failed.id()].Err(failed.id()))
}
