package python

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	operator "github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
	"github.com/musterfleet/muster/producer"
)

// The funcs of Python's worker.
var (
	describe = codec.NewFunc[any, description]("describe")
	flaky    = codec.NewFunc[int, int]("flaky")
	final    = codec.NewFunc[int, int]("final")
	attend   = codec.NewFunc[string, int]("attend")
	nothing  = codec.NewFunc[int, any]("nothing")
	nowhere  = codec.NewFunc[int, int]("nowhere")
)

type description struct {
	Arg     any
	Type    string
	Attempt int
	PID     int
}

func TestPythonWorkerRunsOurTasks(t *testing.T) {
	f := newFleet(t)
	f.worker() // it makes the streams, which our client takes for its own
	c := f.client()
	for _, arg := range []any{nil, true, int64(-7), uint64(1<<64 - 1), 2.5, "naïve 🐘", []any{"a", int64(1)}, map[string]any{"k": "v"}} {
		future, err := producer.Submit(f.ctx, c, describe, arg)
		require.NoError(t, err)
		d, err := future.Result(f.ctx)
		require.NoError(t, err)
		require.EqualValues(t, arg, d.Arg, d.Type)
		require.Equal(t, 1, d.Attempt)
	}
	n := 0
	for d, err := range producer.Map(f.ctx, c, describe, func(yield func(any) bool) {
		for i := range 50 {
			if !yield(int64(i)) {
				return
			}
		}
	}) {
		require.NoError(t, err)
		require.EqualValues(t, n, d.Arg)
		n++
	}
	require.Equal(t, 50, n)
}

// A client of a group has two tokens in every subject, and its tasks may be another's
// to attach to.
func TestPythonKnowsGroups(t *testing.T) {
	f := newFleet(t)
	f.worker()
	c := f.client(producer.WithCredentials(login.Credentials{Group: "billing"}))
	future, err := producer.Submit(f.ctx, c, flaky, 1, producer.Attempts(2), producer.Backoff(10*time.Millisecond))
	require.NoError(t, err)
	attempt, err := future.Result(f.ctx)
	require.NoError(t, err)
	require.Equal(t, 2, attempt)

	kept, err := producer.Submit(f.ctx, c, flaky, 0, producer.Retain(time.Hour))
	require.NoError(t, err)
	id := kept.ID().String()
	require.Regexp(t, `^billing\.`, id)
	d := f.driver()
	d.submit(command{"attach": id})
	require.JSONEq(t, "1", string(d.result(id).Value))
}

func TestPythonWorkerFailsAndRetries(t *testing.T) {
	f := newFleet(t)
	f.worker()
	c := f.client()
	submit := func(fn codec.Func[int, int], arg int, options ...producer.CallOption) (int, error) {
		future, err := producer.Submit(f.ctx, c, fn, arg, options...)
		require.NoError(t, err)
		return future.Result(f.ctx)
	}
	var remote *codec.RemoteError

	_, err := submit(flaky, 1)
	require.ErrorAs(t, err, &remote)
	require.Equal(t, codec.CodeError, remote.Code)
	require.Equal(t, "KeyError", remote.Type)
	require.Equal(t, "'attempt 1'", remote.Message)
	require.Contains(t, remote.Stack, "Traceback")

	attempt, err := submit(flaky, 2, producer.Attempts(3), producer.Backoff(10*time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, 3, attempt)

	_, err = submit(flaky, 9, producer.Attempts(2), producer.Backoff(10*time.Millisecond))
	require.ErrorAs(t, err, &remote)
	require.Equal(t, 2, remote.Attempt)
	letter, err := broker.TaskLetter(f.ctx, f.jetstream(), remote.Task.Client, remote.Task.N)
	require.NoError(t, err, "given up, so there is a dead letter")
	dead, err := codec.ReadDeadLetter(letter.Data)
	require.NoError(t, err)
	_, task, err := dead.Task()
	require.NoError(t, err)
	require.Equal(t, 2, task.Errors)

	_, err = submit(final, 1, producer.Attempts(3))
	require.ErrorAs(t, err, &remote)
	require.Equal(t, 1, remote.Attempt)
	_, err = broker.TaskLetter(f.ctx, f.jetstream(), remote.Task.Client, remote.Task.N)
	require.ErrorIs(t, err, broker.ErrNoLetter, "it is final, and not given up")

	_, err = submit(nowhere, 1, producer.Attempts(3))
	require.ErrorIs(t, err, codec.ErrUnknownFunc)
	_, err = submit(flaky, 1, producer.Deadline(time.Now().Add(-time.Second)))
	require.ErrorIs(t, err, codec.ErrExpired)
	future, err := producer.Submit(f.ctx, c, nothing, 1)
	require.NoError(t, err)
	_, err = future.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrResult)
}

func TestPythonWorkerKeepsOutcomesAndReleasesKeys(t *testing.T) {
	f := newFleet(t)
	w := f.worker()
	c := f.client()
	gate := filepath.Join(f.dir, "gate")
	one, err := producer.Submit(f.ctx, c, attend, gate, producer.Key("nightly"))
	require.NoError(t, err)
	w.started()
	other, err := producer.Submit(f.ctx, f.client(), attend, gate, producer.Key("nightly"))
	require.NoError(t, err)
	require.Equal(t, one.ID(), other.ID())
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	pid, err := one.Result(f.ctx)
	require.NoError(t, err)
	same, err := other.Result(f.ctx)
	require.NoError(t, err)
	require.Equal(t, pid, same)
	again, err := producer.Submit(f.ctx, c, attend, gate, producer.Key("nightly"))
	require.NoError(t, err)
	require.NotEqual(t, one.ID(), again.ID())
	_, err = again.Result(f.ctx)
	require.NoError(t, err)
}

// What a stranger puts into the queue harms only itself.
func TestPythonWorkerPutsAsideWhatIsNoBatch(t *testing.T) {
	f := newFleet(t)
	f.worker()
	js := f.jetstream()
	ack, err := js.Publish(f.ctx, broker.TaskSubject(queue, broker.High), []byte("hello"))
	require.NoError(t, err)
	bad := codec.NewBatch("stranger", nil)
	bad.Add(&codec.Task{N: 1, Func: "flaky", Arg: []byte{0xc1}})
	_, err = js.Publish(f.ctx, broker.TaskSubject(queue, broker.High), bad.Bytes())
	require.NoError(t, err)

	require.Eventually(t, func() bool {
		letter, err := broker.UnreadLetter(f.ctx, js, queue, ack.Sequence)
		return err == nil && strings.HasSuffix(string(letter.Data), "hello")
	}, patience, 20*time.Millisecond)
	results, err := js.Stream(f.ctx, broker.ResultsStream)
	require.NoError(t, err)
	var stored *jetstream.RawStreamMsg
	require.Eventually(t, func() bool {
		stored, err = results.GetLastMsgForSubject(f.ctx, broker.ResultSubject("stranger", 1))
		return err == nil
	}, patience, 20*time.Millisecond)
	var outcomes codec.Outcomes
	require.NoError(t, outcomes.Decode(stored.Data))
	require.Equal(t, codec.CodeArgument, outcomes.List[0].Failure.Code)
	f.requireEmpty(js)
}

func TestPythonWorkerKilled(t *testing.T) {
	f := newFleet(t)
	first := f.worker()
	c := f.client()
	gate := filepath.Join(f.dir, "gate")
	future, err := producer.Submit(f.ctx, c, attend, gate)
	require.NoError(t, err)
	first.started()
	second := f.worker()
	require.NoError(t, first.cmd.Process.Kill())
	require.Contains(t, second.started(), future.ID().String(), "when the lease has ended")
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	pid, err := future.Result(f.ctx)
	require.NoError(t, err)
	require.Equal(t, second.cmd.Process.Pid, pid)
	f.requireEmpty(f.jetstream())
}

// A task that takes longer than several leases runs once.
func TestPythonWorkerRenewsTheLease(t *testing.T) {
	f := newFleet(t)
	workers := []*program{f.worker(), f.worker()}
	future, err := producer.Submit(f.ctx, f.client(), attend, filepath.Join(f.dir, "gate"))
	require.NoError(t, err)
	time.AfterFunc(5*broker.Lease/2, func() { _ = os.WriteFile(filepath.Join(f.dir, "gate"), nil, 0o600) })
	_, err = future.Result(f.ctx)
	require.NoError(t, err)
	f.requireEmpty(f.jetstream())
	starts := 0
	for _, w := range workers {
		require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
		for line := range w.lines {
			require.Contains(t, line, "start ")
			starts++
		}
	}
	require.Equal(t, 1, starts)
}

func TestPythonWorkerTerminatedGivesBack(t *testing.T) {
	f := newFleet(t)
	js := f.jetstream()
	first := f.worker()
	gate, behind := filepath.Join(f.dir, "gate"), filepath.Join(f.dir, "behind")
	require.NoError(t, os.WriteFile(behind, nil, 0o600))
	chunk := codec.NewChunk("stranger", nil) // which is not split
	for n, path := range []string{gate, behind, behind} {
		arg, err := attend.AppendArg(nil, path)
		require.NoError(t, err)
		chunk.Add(&codec.Task{N: uint64(n), Func: "attend", Arg: arg})
	}
	_, err := js.Publish(f.ctx, broker.TaskSubject(queue, broker.Normal), chunk.Bytes())
	require.NoError(t, err)
	require.Equal(t, "stranger-0 1", first.started())
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	require.Zero(t, first.ended(), "the task that runs is finished")

	second := f.worker()
	require.Equal(t, "stranger-1 1", second.started())
	require.Equal(t, "stranger-2 1", second.started())
	f.requireEmpty(js)
}

func TestPythonWorkerEndsForATimeLimit(t *testing.T) {
	f := newFleet(t)
	w := f.worker()
	future, err := producer.Submit(f.ctx, f.client(), attend, filepath.Join(f.dir, "never"), producer.Limit(100*time.Millisecond))
	require.NoError(t, err)
	_, err = future.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrTimeLimit)
	require.Equal(t, 3, w.ended(), "its handler could not be stopped")
	f.requireEmpty(f.jetstream())
}

func TestPythonWorkerCancels(t *testing.T) {
	f := newFleet(t)
	c := f.client()
	cancelled, err := producer.Submit(f.ctx, c, attend, "/nowhere")
	require.NoError(t, err)
	require.NoError(t, c.Flush(f.ctx))
	nc, err := nats.Connect(f.url)
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.Publish(broker.CancelSubject(queue), codec.AppendCancel(nil, c.ID(), false, cancelled.ID().N)))
	require.NoError(t, nc.Flush())
	w := f.worker() // later than the request
	_, err = cancelled.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrCancelled)

	running, err := producer.Submit(f.ctx, c, attend, "/nowhere")
	require.NoError(t, err)
	w.started()
	require.NoError(t, nc.Publish(broker.CancelSubject(queue), codec.AppendCancel(nil, c.ID(), true, running.ID().N)))
	_, err = running.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrCancelled)
	require.Equal(t, 3, w.ended())
}

// More stored requests than one answer of the broker has room for.
func TestPythonWorkerReadsEveryStoredRequest(t *testing.T) {
	f := newFleet(t)
	c := f.client()
	future, err := producer.Submit(f.ctx, c, attend, "/nowhere")
	require.NoError(t, err)
	require.NoError(t, c.Flush(f.ctx))
	js := f.jetstream()
	for n := range uint64(1000) {
		_, err := js.PublishAsync(broker.CancelSubject(queue), codec.AppendCancel(nil, "stranger", false, n))
		require.NoError(t, err)
	}
	<-js.PublishAsyncComplete()
	_, err = js.Publish(f.ctx, broker.CancelAnySubject, codec.AppendCancel(nil, c.ID(), false, future.ID().N))
	require.NoError(t, err)
	f.worker()
	_, err = future.Result(f.ctx)
	require.ErrorIs(t, err, codec.ErrCancelled)
}

// A client that asks to cancel tasks of any client's hears which of them run.
func TestPythonWorkerTellsWhichCancelledTasksRun(t *testing.T) {
	f := newFleet(t)
	w := f.worker()
	gate := filepath.Join(f.dir, "gate")
	future, err := producer.Submit(f.ctx, f.client(), attend, gate, producer.Retain(time.Hour))
	require.NoError(t, err)
	w.started()
	nc := f.jetstream().Conn()
	heard, err := nc.SubscribeSync("muster.reply.billing.asker.running")
	require.NoError(t, err)
	request := nats.NewMsg(broker.CancelAnySubject)
	request.Header.Set("Muster-Asker", "billing.asker")
	id := future.ID()
	for _, data := range [][]byte{[]byte("no request"), codec.AppendCancel(nil, id.Client, false, id.N+1), codec.AppendCancel(nil, id.Client, false, id.N, id.N+1)} {
		request.Data = data
		require.NoError(t, nc.PublishMsg(request))
	}
	for range 2 { // at once, and again
		msg, err := heard.NextMsgWithContext(f.ctx)
		require.NoError(t, err)
		ids, running, err := codec.ReadCancel(msg.Data)
		require.NoError(t, err)
		require.False(t, running)
		require.Equal(t, []codec.ID{id}, ids)
	}
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	_, err = future.Result(f.ctx)
	require.NoError(t, err, "it goes on, and keeps its value")
}

// Operators see the worker while it serves.
func TestPythonWorkerSendsHeartbeats(t *testing.T) {
	f := newFleet(t)
	w := f.worker()
	see, err := operator.Connect(f.ctx, f.url)
	require.NoError(t, err)
	defer see.Close()
	var hosts []codec.HostStatus
	require.Eventually(t, func() bool {
		hosts, err = see.Hosts(f.ctx)
		return err == nil && len(hosts) == 1
	}, patience, 20*time.Millisecond)
	require.Equal(t, queue, hosts[0].Queue)
	require.Equal(t, codec.HostServing, hosts[0].State)
	require.Equal(t, w.cmd.Process.Pid, hosts[0].PID)
	require.Contains(t, hosts[0].Funcs, "attend")
	require.Equal(t, 1, hosts[0].Want)
	require.Equal(t, codec.ProcessIdle, hosts[0].Processes[0].State)

	nc := f.jetstream().Conn()
	beats, err := nc.SubscribeSync(broker.HostSubject(hosts[0].ID))
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, w.ended())
	var last codec.HostStatus
	for last.State != codec.HostStopped {
		msg, err := beats.NextMsgWithContext(f.ctx)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(msg.Data, &last))
	}
}

// The programs that a reader tries first.
func TestPrograms(t *testing.T) {
	f := newFleet(t)
	worker := f.program(examples+"/worker.py", "--url", f.url, "--queue", queue)
	require.Equal(t, "ready", worker.line())
	for _, c := range []struct {
		args   []string
		prints string
		status int
	}{
		{[]string{"square", "12"}, "144", 0},
		{[]string{"divide", "[1, 4]"}, "0.25", 0},
		{[]string{"divide", "[1, 0]"}, "", 1},
		{[]string{"--attempts", "3", "flaky", "2"}, `"done in attempt 3"`, 0},
		{[]string{"nowhere"}, "", 1},
	} {
		p := f.program(examples+"/producer.py", append([]string{"--url", f.url, "--queue", queue}, c.args...)...)
		if c.prints != "" {
			require.Equal(t, c.prints, p.line())
		}
		require.Equal(t, c.status, p.ended(), c.args)
	}
	require.NoError(t, worker.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, worker.ended())
}

// requireEmpty waits until nothing is left in the queue.
func (f *fleet) requireEmpty(js jetstream.JetStream) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		stream, err := js.Stream(f.ctx, broker.TaskStream(queue))
		return err == nil && stream.CachedInfo().State.Msgs == 0
	}, patience, 20*time.Millisecond, "everything is acknowledged")
}

// What has been delivered again and again may be what ends the workers. It is
// charged a crash, and a batch of several is taken apart first.
func TestPythonWorkerSuspectsWhatComesTooOften(t *testing.T) {
	f := newFleet(t)
	js := f.jetstream()
	require.NoError(t, broker.EnsureQueue(f.ctx, js, queue, broker.StreamOptions{}))
	batch := func(client string, numbers ...uint64) {
		b := codec.NewBatch(client, nil)
		for _, n := range numbers {
			b.Add(&codec.Task{N: n, Func: "flaky", Arg: []byte{0}, Crashes: int(n / 10)})
		}
		_, err := js.Publish(f.ctx, broker.TaskSubject(queue, broker.Normal), b.Bytes())
		require.NoError(t, err)
	}
	batch("alone", 1)
	batch("together", 1, 2)
	batch("spent", 20) // two crashes already
	workers, err := js.Consumer(f.ctx, broker.TaskStream(queue), broker.WorkersConsumer(broker.Normal))
	require.NoError(t, err)
	for range 9 {
		given, err := workers.Fetch(3)
		require.NoError(t, err)
		var all []jetstream.Msg
		for msg := range given.Messages() {
			all = append(all, msg)
		}
		require.Len(t, all, 3)
		for _, msg := range all {
			require.NoError(t, msg.Nak())
		}
	}
	w := f.worker()
	require.ElementsMatch(t, []string{"alone-1 2", "together-1 1", "together-2 1"}, []string{w.started(), w.started(), w.started()})
	f.requireEmpty(js)
	letter, err := broker.TaskLetter(f.ctx, js, "spent", 20)
	require.NoError(t, err)
	dead, err := codec.ReadDeadLetter(letter.Data)
	require.NoError(t, err)
	require.Equal(t, codec.CodeWorkerDied, dead.Failure.Code)
	require.Equal(t, 3, dead.Failure.Attempt)
}

// Client and worker go on after the broker was away, and nothing is lost.
func TestPythonThroughARestartOfTheBroker(t *testing.T) {
	f := newFleet(t)
	w, d := f.worker(), f.driver()
	gate := filepath.Join(f.dir, "gate")
	id := d.submit(command{"submit": "attend", "arg": gate})
	w.started()
	f.restart()
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	require.JSONEq(t, strconv.Itoa(w.cmd.Process.Pid), string(d.result(id).Value))
	next := d.submit(command{"submit": "attend", "arg": gate})
	require.NotEmpty(t, d.result(next).Value)
	f.requireEmpty(f.jetstream())
}
