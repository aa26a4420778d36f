package python

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/nats-io/nats.go/jetstream"
)

// The funcs of our worker processes.
var (
	double = codec.NewFunc[int, int]("double")
	fail   = codec.NewFunc[int, int]("fail")
	wait   = codec.NewFunc[string, int]("wait")
	linger = codec.NewFunc[bool, int]("linger")
)

var errBusy = errors.New("the shop is busy")

func handle() {
	// Runs until it is told to stop, and then returns a value all the same, or fails.
	consumer.Handle(linger, func(ctx context.Context, fails bool) (int, error) {
		<-ctx.Done()
		if fails {
			return 0, ctx.Err()
		}
		return 7, nil
	})
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(fail, func(ctx context.Context, times int) (int, error) {
		attempt := attemptOf(ctx)
		switch {
		case times < 0:
			panic("out of range")
		case attempt <= times:
			return 0, errBusy
		}
		return attempt, nil
	})
	// Says who it is, and waits until there is a file.
	consumer.Handle(wait, func(ctx context.Context, gate string) (int, error) {
		if err := os.WriteFile(fmt.Sprintf("%s.%d", gate, os.Getpid()), nil, 0o600); err != nil {
			return 0, err
		}
		for {
			if _, err := os.Stat(gate); err == nil {
				return attemptOf(ctx), nil
			}
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
}

// held submits a task that waits at a new gate, and returns both when one of our
// processes runs it.
func (d driver) held() (id, gate string, pid int) {
	d.fleet.t.Helper()
	gate = filepath.Join(d.fleet.dir, "gate")
	id = d.submit(command{"submit": "wait", "arg": gate})
	return id, gate, d.fleet.waiting(gate)
}

// waiting returns the process that waits at a gate, once there is one besides those
// known.
func (f *fleet) waiting(gate string, known ...int) (pid int) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		files, err := filepath.Glob(gate + ".*")
		require.NoError(f.t, err)
		for _, file := range files {
			_, err := fmt.Sscanf(filepath.Ext(file), ".%d", &pid)
			require.NoError(f.t, err)
			if len(known) == 0 || pid != known[0] {
				return true
			}
		}
		return false
	}, patience, 5*time.Millisecond)
	return pid
}

func (f *fleet) open(gate string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(gate, nil, 0o600))
}

func TestVectors(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, python: interpreter(t)}
	var cancel context.CancelFunc
	f.ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	check := f.program(examples + "/check_vectors.py")
	require.Regexp(t, `^\d{3} vectors, 0 wrong$`, check.line())
	require.Zero(t, check.ended())
}

func TestPythonClientGetsValuesAndErrors(t *testing.T) {
	f := newFleet(t)
	f.host(2)
	d := f.driver()

	id := d.submit(command{"submit": "double", "arg": 21})
	require.JSONEq(t, "42", string(d.result(id).Value))

	failure := d.result(d.submit(command{"submit": "fail", "arg": 9})).Failure
	require.Equal(t, "error", failure["code"])
	require.Equal(t, "the shop is busy", failure["message"])
	require.Equal(t, "kestrel", failure["host"])
	require.EqualValues(t, 1, failure["attempt"])

	failure = d.result(d.submit(command{"submit": "fail", "arg": -1})).Failure
	require.Equal(t, "panic", failure["code"])
	require.Contains(t, failure["stack"], "goroutine")

	retried := d.submit(command{"submit": "fail", "arg": 2, "options": command{"max_errors": 3, "backoff": 10}})
	require.JSONEq(t, "3", string(d.result(retried).Value))

	require.Equal(t, "unknown_func", d.result(d.submit(command{"submit": "nowhere"})).Failure["code"])
	require.Equal(t, "argument", d.result(d.submit(command{"submit": "double", "arg": []int{1}})).Failure["code"])
	past := time.Now().Add(-time.Minute).UnixMilli()
	require.Equal(t, "expired", d.result(d.submit(command{"submit": "double", "arg": 1, "options": command{"deadline": past}})).Failure["code"])
	require.JSONEq(t, "8", string(d.result(d.submit(command{"submit": "double", "arg": 4, "delay": 0.3})).Value))
}

func TestPythonClientThroughDeathsOfOurProcesses(t *testing.T) {
	f := newFleet(t)
	f.host(2)
	d := f.driver()
	id, gate, first := d.held()
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	f.waiting(gate, first)
	f.open(gate)
	require.JSONEq(t, "2", string(d.result(id).Value), "its second attempt")

	once := filepath.Join(f.dir, "once")
	id = d.submit(command{"submit": "wait", "arg": once, "options": command{"max_crashes": 1}})
	require.NoError(t, syscall.Kill(f.waiting(once), syscall.SIGKILL))
	failure := d.result(id).Failure
	require.Equal(t, "worker_died", failure["code"])
	require.Equal(t, "SIGKILL", failure["signal"])
}

func TestPythonClientFindsWhatItMissed(t *testing.T) {
	f := newFleet(t)
	f.host(1)
	d := f.driver()
	id, gate, _ := d.held()
	d.do(command{"deaf": true})
	f.open(gate)
	js := f.jetstream()
	require.Eventually(t, func() bool {
		stream, err := js.Stream(f.ctx, broker.ResultsStream)
		return err == nil && stream.CachedInfo().State.Msgs == 1
	}, patience, 20*time.Millisecond, "nobody takes the outcome, so it is stored")
	a := d.do(command{"result": id, "timeout": 0})
	require.JSONEq(t, "1", string(a.Value))
}

func TestPythonClientLosesAcknowledgements(t *testing.T) {
	f := newFleet(t)
	d := f.driver() // it makes the streams
	d.do(command{"lose": 2})
	id := d.submit(command{"submit": "double", "arg": 5})
	info, err := broker.Queue(f.ctx, f.jetstream(), queue)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.Lanes[broker.Normal].Pending, "sent three times, stored once")
	f.host(1) // and takes the streams for its own
	require.JSONEq(t, "10", string(d.result(id).Value))
}

func TestPythonClientSharesAKeyAndADurableTask(t *testing.T) {
	f := newFleet(t)
	f.host(1)
	one, other := f.driver(), f.driver()
	gate := filepath.Join(f.dir, "gate")
	keyed := command{"submit": "wait", "arg": gate, "key": "nightly"}
	id := one.submit(keyed)
	require.Equal(t, id, other.submit(keyed), "the task that has the key")
	f.open(gate)
	require.JSONEq(t, "1", string(one.result(id).Value))
	require.JSONEq(t, "1", string(other.result(id).Value))
	again := one.submit(keyed)
	require.NotEqual(t, id, again, "the key is free again")
	require.JSONEq(t, "1", string(one.result(again).Value))

	late := f.driver()
	late.submit(command{"attach": id})
	require.JSONEq(t, "1", string(late.result(id).Value), "kept for whoever asks")
}

func TestPythonClientCancels(t *testing.T) {
	f := newFleet(t)
	f.host(1)
	d := f.driver()
	runs, _, _ := d.held()
	waits := d.submit(command{"submit": "double", "arg": 1})
	d.do(command{"cancel": waits})
	d.do(command{"cancel": runs, "running": true})
	require.Equal(t, "cancelled", d.result(runs).Failure["code"])
	require.Equal(t, "cancelled", d.result(waits).Failure["code"])
}

// jetstream opens a connection of the test's own.
func (f *fleet) jetstream() jetstream.JetStream {
	f.t.Helper()
	nc, err := broker.Connect(f.ctx, broker.Config{URL: f.url})
	require.NoError(f.t, err)
	f.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(f.t, err)
	return js
}

func attemptOf(ctx context.Context) int {
	info, _ := consumer.Task(ctx)
	return info.Attempt
}
