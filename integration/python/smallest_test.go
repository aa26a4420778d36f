package python

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// The funcs of smallest.py.
var (
	square = codec.NewFunc[int, int]("square")
	divide = codec.NewFunc[[]float64, float64]("divide")
	nap    = codec.NewFunc[float64, any]("nap")
)

// smallest starts the worker that does only what the document requires.
func (f *fleet) smallest() *program {
	f.t.Helper()
	w := f.program(examples+"/smallest.py", "worker", f.url, queue)
	require.Equal(f.t, "ready", w.line())
	return w
}

func TestSmallestClient(t *testing.T) {
	f := newFleet(t)
	f.host(1)
	for _, c := range []struct{ fn, arg, status string }{{"double", "21", "0"}, {"fail", "9", "1"}, {"nowhere", "null", "1"}} {
		p := f.program(examples+"/smallest.py", "client", f.url, queue, c.fn, c.arg)
		var outcome []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(p.line()), &outcome))
		require.Equal(t, c.status, string(outcome[0]), c.fn)
		if c.fn == "double" {
			require.Equal(t, "42", string(outcome[1]))
		}
		require.Zero(t, p.ended())
	}
	f.requireEmpty(f.jetstream())
}

func TestSmallestWorker(t *testing.T) {
	f := newFleet(t)
	f.smallest()
	c := f.client()
	n := 0
	for result, err := range producer.Map(f.ctx, c, square, func(yield func(int) bool) {
		for i := range 50 {
			if !yield(i) {
				return
			}
		}
	}) {
		require.NoError(t, err)
		require.Equal(t, n*n, result)
		n++
	}
	require.Equal(t, 50, n)

	submit := func(pair []float64, options ...producer.CallOption) (codec.ID, error) {
		future, err := producer.Submit(f.ctx, c, divide, pair, options...)
		require.NoError(t, err)
		_, err = future.Result(f.ctx)
		return future.ID(), err
	}
	var remote *codec.RemoteError
	_, err := submit([]float64{1, 4}, producer.Delay(300*time.Millisecond))
	require.NoError(t, err)
	_, err = submit([]float64{1, 0})
	require.ErrorAs(t, err, &remote)
	require.Equal(t, "ZeroDivisionError", remote.Type)
	_, err = submit([]float64{1, 4}, producer.Deadline(time.Now().Add(-time.Second)))
	require.ErrorIs(t, err, codec.ErrExpired)
	unknown, err := producer.Submit(f.ctx, c, nowhere, 1, producer.Attempts(2))
	require.NoError(t, err)
	_, err = unknown.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrUnknownFunc)

	// Stored again for another attempt, under the one rule for message ids.
	id, err := submit([]float64{1, 0}, producer.Attempts(3), producer.Backoff(10*time.Millisecond))
	require.ErrorAs(t, err, &remote)
	require.Equal(t, 3, remote.Attempt)
	letter, err := broker.TaskLetter(f.ctx, f.jetstream(), id.Client, id.N)
	require.NoError(t, err)
	dead, err := codec.ReadDeadLetter(letter.Data)
	require.NoError(t, err)
	_, task, err := dead.Task()
	require.NoError(t, err)
	require.Equal(t, 3, task.Errors)

	first, err := submit([]float64{1, 4}, producer.Key("nightly"))
	require.NoError(t, err)
	second, err := submit([]float64{1, 4}, producer.Key("nightly"))
	require.NoError(t, err)
	require.NotEqual(t, first, second, "the key was released")
	f.requireEmpty(f.jetstream())
}

func TestSmallestWorkerKilledOrStuck(t *testing.T) {
	f := newFleet(t)
	first := f.smallest()
	c := f.client()
	future, err := producer.Submit(f.ctx, c, nap, 2)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.inFlight() > 0 }, patience, 5*time.Millisecond)
	require.NoError(t, first.cmd.Process.Kill())
	second := f.smallest()
	_, err = future.Result(f.ctx)
	require.NoError(t, err, "by the second, when the lease has ended")

	future, err = producer.Submit(f.ctx, c, nap, 3600, producer.Limit(100*time.Millisecond))
	require.NoError(t, err)
	_, err = future.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrTimeLimit)
	require.Equal(t, 3, second.ended(), "its handler could not be stopped")
	f.requireEmpty(f.jetstream())
}

// inFlight is how many deliveries of the lane normal are not answered.
func (f *fleet) inFlight() int {
	f.t.Helper()
	workers, err := f.jetstream().Consumer(f.ctx, broker.TaskStream(queue), broker.WorkersConsumer(broker.Normal))
	require.NoError(f.t, err)
	info, err := workers.Info(f.ctx)
	require.NoError(f.t, err)
	return info.NumAckPending
}

// What came ten times is charged, and what is no batch of this version is put aside.
func TestSmallestWorkerSuspectsAndPutsAside(t *testing.T) {
	f := newFleet(t)
	js := f.jetstream()
	require.NoError(t, broker.EnsureQueue(f.ctx, js, queue, broker.StreamOptions{}))
	require.NoError(t, broker.EnsureShared(f.ctx, js, broker.StreamOptions{}))
	batch := codec.NewBatch("stranger", nil)
	arg, err := square.AppendArg(nil, 3)
	require.NoError(t, err)
	batch.Add(&codec.Task{N: 1, Func: "square", Arg: arg, Crashes: 2})
	_, err = js.Publish(f.ctx, broker.TaskSubject(queue, broker.Normal), batch.Bytes())
	require.NoError(t, err)
	workers, err := js.Consumer(f.ctx, broker.TaskStream(queue), broker.WorkersConsumer(broker.Normal))
	require.NoError(t, err)
	for range 9 {
		given, err := workers.Fetch(1)
		require.NoError(t, err)
		for msg := range given.Messages() {
			require.NoError(t, msg.Nak())
		}
	}
	later := append([]byte{}, batch.Bytes()...)
	later[1] = 2
	ack, err := js.Publish(f.ctx, broker.TaskSubject(queue, broker.High), later)
	require.NoError(t, err)

	f.smallest()
	f.requireEmpty(js)
	letter, err := broker.TaskLetter(f.ctx, js, "stranger", 1)
	require.NoError(t, err)
	dead, err := codec.ReadDeadLetter(letter.Data)
	require.NoError(t, err)
	require.Equal(t, codec.CodeWorkerDied, dead.Failure.Code)
	require.Zero(t, dead.Failure.PID, "nobody knows whose death it was")
	letter, err = broker.UnreadLetter(f.ctx, js, queue, ack.Sequence)
	require.NoError(t, err)
	dead, err = codec.ReadDeadLetter(letter.Data)
	require.NoError(t, err)
	require.Equal(t, later, dead.Message)
	results, err := js.Stream(f.ctx, broker.ResultsStream)
	require.NoError(t, err)
	_, err = results.GetLastMsgForSubject(f.ctx, broker.ResultSubject("stranger", 1))
	require.NoError(t, err)
}

// Our hosts put a batch of a later version aside too, so no client may write one before
// all of a queue's workers read it.
func TestHostPutsAsideABatchOfALaterVersion(t *testing.T) {
	f := newFleet(t)
	f.host(1)
	js := f.jetstream()
	batch := codec.NewBatch("stranger", nil)
	batch.Add(&codec.Task{N: 1, Func: "double", Arg: []byte{3}})
	later := append([]byte{}, batch.Bytes()...)
	later[1] = 2
	ack, err := js.Publish(f.ctx, broker.TaskSubject(queue, broker.High), later)
	require.NoError(t, err)
	var letter broker.Letter
	require.Eventually(t, func() bool {
		letter, err = broker.UnreadLetter(f.ctx, js, queue, ack.Sequence)
		return err == nil
	}, patience, 20*time.Millisecond)
	dead, err := codec.ReadDeadLetter(letter.Data)
	require.NoError(t, err)
	require.Equal(t, codec.CodeArgument, dead.Failure.Code)
	f.requireEmpty(js)
}

// A value that a handler returns wins over the limit or the cancel request that told it
// to stop; an error does not.
func TestValueWinsOverLimitAndCancel(t *testing.T) {
	f := newFleet(t)
	f.host(2)
	d := f.driver()
	limit := command{"limit": 50}
	value := d.submit(command{"submit": "linger", "arg": false, "options": limit})
	require.JSONEq(t, "7", string(d.result(value).Value))
	failure := d.submit(command{"submit": "linger", "arg": true, "options": limit})
	require.Equal(t, "time_limit", d.result(failure).Failure["code"])

	nc := f.jetstream().Conn()
	started, err := nc.SubscribeSync("muster.reply.*.started")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	for fails, code := range map[bool]any{false: nil, true: "cancelled"} {
		id, err := codec.ParseID(d.submit(command{"submit": "linger", "arg": fails}))
		require.NoError(t, err)
		for n := id.N + 1; n != id.N; { // a notice may be of a task before
			notice, err := started.NextMsgWithContext(f.ctx)
			require.NoError(t, err)
			s, err := codec.ReadStarted(notice.Data)
			require.NoError(t, err)
			n = s.N
		}
		require.NoError(t, nc.Publish(broker.CancelSubject(queue), codec.AppendCancel(nil, id.Client, true, id.N)))
		result := d.result(id.String())
		if code == nil {
			require.JSONEq(t, "7", string(result.Value))
		} else {
			require.Equal(t, code, result.Failure["code"])
		}
	}
}
