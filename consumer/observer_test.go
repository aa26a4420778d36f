package consumer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// recorder is an observer that notes what it hears.
type recorder struct {
	mu       sync.Mutex
	events   []string
	attempts []Attempt
	lost     error // what Flush returns
}

type spanKey struct{}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *recorder) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.events...)
}

func (r *recorder) Begin(ctx context.Context, a Attempt) (context.Context, Observation) {
	r.note("begin %s", a.ID)
	r.mu.Lock()
	r.attempts = append(r.attempts, a)
	r.mu.Unlock()
	ctx = context.WithValue(ctx, spanKey{}, a.ID.String())
	if a.Func == "unseen" {
		return ctx, nil
	}
	return ctx, &observation{recorder: r, id: a.ID}
}

func (r *recorder) Flush(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("without a bound")
	}
	r.note("flush")
	return r.lost
}

type observation struct {
	*recorder
	id codec.ID
}

func (o *observation) Ended(failure *codec.Failure) {
	if failure == nil {
		failure = &codec.Failure{Code: "value"}
	}
	o.note("%s ended: %s", o.id, failure.Code)
}

func (o *observation) HandedOff(err error) { o.note("%s handed off: %v", o.id, err) }

// observe sets the observer for a test, which must not run beside others.
func observe(t *testing.T) *recorder {
	r := &recorder{}
	Observe(r)
	t.Cleanup(func() { observer = nil })
	require.True(t, Observes())
	return r
}

func TestThereIsOneObserver(t *testing.T) {
	require.False(t, Observes())
	require.Panics(t, func() { Observe(nil) })
	ObserveDeath(Attempt{}, &codec.Failure{}) // nobody hears
	r := observe(t)
	require.Panics(t, func() { Observe(r) })
}

func TestObserverHearsOfAttempts(t *testing.T) {
	r := observe(t)
	f := functions{}
	square(f)
	g := newGate(t, f)
	spans := make(chan string, 1)
	handle(f, "span", func(ctx context.Context, _ int) (int, error) {
		_, isTask := Task(ctx)
		spans <- fmt.Sprintf("%v %v", ctx.Value(spanKey{}), isTask)
		return 0, nil
	})
	f["unseen"] = f["square"]
	s := serve(t, f, func(cfg *Config) { cfg.Host, cfg.PID = "h1", os.Getpid() })
	s.give(1, call("square", 2), call("square", -1), call("square", -4), call("none", 1), call("unseen", 1), call("span", 1), call("wait", 1))
	await(s, g.began)
	s.worker.Stop(1, 6, codec.CodeTimeLimit)
	s.outcomes(1, 7)
	require.Equal(t, "client-105 true", await(s, spans))

	s.drain()
	require.Eventually(t, s.worker.observed.awaited, patience, time.Millisecond)
	s.worker.HandedOff(9, 0, nil) // of none
	for i := range 7 {
		var err error
		if i == 1 {
			err = errors.New("no safe hands")
		}
		s.worker.HandedOff(1, i, err)
		s.worker.HandedOff(1, i, nil) // once is enough
	}
	s.leaves(LeavingDrained)
	require.Equal(t, []string{
		"begin client-100", "client-100 ended: value",
		"begin client-101", "client-101 ended: error",
		"begin client-102", "client-102 ended: goexit",
		"begin client-104",
		"begin client-105", "client-105 ended: value",
		"begin client-106", "client-106 ended: time_limit",
		"client-100 handed off: <nil>", "client-101 handed off: no safe hands", "client-102 handed off: <nil>",
		"client-105 handed off: <nil>", "client-106 handed off: <nil>", "flush",
	}, r.heard())

	first := r.attempts[0]
	require.False(t, first.Began.IsZero())
	first.Began = time.Time{}
	require.Equal(t, Attempt{
		Info:  Info{ID: codec.ID{Client: "client", N: 100}, Func: "square", Attempt: 1},
		Queue: "queue", Host: "h1", PID: os.Getpid(), Stored: time.Unix(1000, 0),
	}, first)
}

func TestObserverThatLosesSomethingHoldsNobodyUp(t *testing.T) {
	r := observe(t)
	r.lost = errors.New("nobody takes it")
	s := serve(t, functions{})
	s.drain()
	s.leaves(LeavingDrained)
	require.Equal(t, []string{"flush"}, r.heard())
}

func TestObserverHearsOfDeaths(t *testing.T) {
	r := observe(t)
	ObserveDeath(Attempt{Info: Info{ID: codec.ID{Client: "client", N: 1}}, Died: true}, &codec.Failure{Code: codec.CodeWorkerDied})
	ObserveDeath(Attempt{Info: Info{Func: "unseen"}, Died: true}, &codec.Failure{Code: codec.CodeWorkerDied})
	require.Equal(t, []string{"begin client-1", "client-1 ended: worker_died", "begin -0"}, r.heard())
}

// awaited reports whether the worker waits for what was not handed off.
func (d *observed) awaited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed != nil
}

// slow is an observation that takes a second to hear.
type slow struct{ Observation }

func (slow) HandedOff(error) { time.Sleep(time.Second) }

func TestLeavingWaitsUntilOutcomesAreInSafeHands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d observed
		began := time.Now()
		d.wait(handOffTimeout)
		require.Zero(t, time.Since(began), "there is nothing to wait for")
		d.add(1, 0, slow{})
		d.add(1, 1, slow{})
		time.AfterFunc(time.Second, func() { d.handedOff(1, 0, nil) })
		time.AfterFunc(1500*time.Millisecond, func() { d.handedOff(1, 1, nil) })
		d.wait(handOffTimeout)
		require.Equal(t, 2500*time.Millisecond, time.Since(began), "the last has heard of it")
		d.add(1, 2, slow{})
		d.wait(handOffTimeout)
		require.Equal(t, 2500*time.Millisecond+handOffTimeout, time.Since(began), "nobody waits for longer")
	})
}
