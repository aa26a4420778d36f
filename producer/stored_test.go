package producer_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// another returns one more client of the same broker.
func another(t *testing.T, nc *nats.Conn, options ...producer.Option) *producer.Client {
	t.Helper()
	c, err := producer.Connect(t.Context(), nc.ConnectedUrl(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(ended) })
	return c
}

func stream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

// store stores an outcome as a worker does.
func store(t *testing.T, js jetstream.JetStream, id codec.ID, value int) error {
	t.Helper()
	_, err := js.Publish(t.Context(), broker.ResultSubject(id.Client, id.N), message(id, value),
		jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithMsgTTL(time.Hour))
	return err
}

// next pulls the next batch of a lane.
func next(t *testing.T, js jetstream.JetStream, queue string, lane broker.Lane) (codec.Batch, jetstream.Msg) {
	t.Helper()
	consumer, err := js.Consumer(t.Context(), broker.TaskStream(queue), broker.WorkersConsumer(lane))
	require.NoError(t, err)
	msg, err := consumer.Next(jetstream.FetchMaxWait(20 * time.Second))
	require.NoError(t, err)
	require.NoError(t, msg.Ack())
	var batch codec.Batch
	require.NoError(t, batch.Decode(msg.Data()))
	return batch, msg
}

// A thousand futures of a client that is gone get their outcomes, those that are
// stored and those that will be.
func TestBrokerAttach(t *testing.T) {
	t.Parallel()
	gone, nc := serve(t)
	js := stream(t, nc)
	const n = 1000
	ids := make([]codec.ID, n)
	for i := range ids {
		ids[i] = submit(t, gone, i, producer.Retain(time.Hour)).ID()
	}
	require.NoError(t, gone.Flush(t.Context()))
	require.Error(t, gone.Close(ended))
	for i := range ids[:n/2] {
		require.NoError(t, store(t, js, ids[i], i))
	}
	c := another(t, nc)
	futures := make([]*producer.Future[int], n)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { futures[i] = attach(t, c, ids[i]) })
	}
	all.Wait()
	require.Equal(t, producer.Finished, futures[0].State())
	require.Equal(t, producer.Pending, futures[n-1].State())
	for i := n / 2; i < n; i++ {
		require.NoError(t, store(t, js, ids[i], i))
	}
	for i, f := range futures {
		value, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, i, value)
	}
}

// Of an outcome and a cancellation everybody sees the one that was stored first.
func TestBrokerCancelDurable(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	js := stream(t, nc)
	other := another(t, nc)
	requests, err := nc.SubscribeSync(broker.CancelAnySubject)
	require.NoError(t, err)
	require.NoError(t, nc.Flush())

	f := submit(t, c, 1, producer.Retain(time.Hour))
	g := attach(t, other, f.ID())
	require.True(t, cancels(t, g.Cancel))
	require.ErrorIs(t, f.Err(t.Context()), codec.ErrCancelled)
	require.Equal(t, producer.Cancelled, f.State())
	require.Error(t, store(t, js, f.ID(), 2), "too late")
	request, err := requests.NextMsg(10 * time.Second)
	require.NoError(t, err)
	ids, _, err := codec.ReadCancel(request.Data)
	require.NoError(t, err)
	require.Equal(t, []codec.ID{f.ID()}, ids)

	f = submit(t, c, 1, producer.Retain(time.Hour))
	g = attach(t, other, f.ID())
	require.NoError(t, store(t, js, f.ID(), 2))
	require.False(t, cancels(t, g.Kill) || cancels(t, f.Kill))
	for _, f := range []*producer.Future[int]{f, g} {
		n, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, n)
	}

	unknown := codec.ID{Client: codec.NewClientID(), N: 7}
	require.NoError(t, other.Kill(t.Context(), unknown))
	request, err = requests.NextMsg(10 * time.Second)
	require.NoError(t, err)
	ids, running, err := codec.ReadCancel(request.Data)
	require.NoError(t, err)
	require.True(t, running)
	require.Equal(t, []codec.ID{unknown}, ids)
}

// A delayed task reaches its lane when its time has come, and not if it was
// cancelled before, by whomever.
func TestBrokerDelayed(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	js := stream(t, nc)
	waiting := func() (n int) {
		for _, err := range broker.Schedules(t.Context(), js, producer.DefaultQueue) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	at := time.Now().Add(time.Second)
	f := submit(t, c, 1, producer.At(at), producer.Priority(producer.High))
	g := submit(t, c, 2, producer.Delay(time.Hour))
	h := submit(t, c, 3, producer.Delay(time.Hour))
	require.NoError(t, c.Flush(t.Context()))
	require.GreaterOrEqual(t, waiting(), 2)
	require.True(t, cancels(t, g.Cancel))
	require.NoError(t, another(t, nc).Cancel(t.Context(), h.ID()))
	batch, _ := next(t, js, producer.DefaultQueue, broker.High)
	require.False(t, time.Now().Before(at))
	require.Equal(t, f.ID().N, batch.Tasks[0].N)
	require.Eventually(t, func() bool { return waiting() == 0 }, 10*time.Second, 10*time.Millisecond)
}

// Calls with one key come to one task, whoever makes them.
func TestBrokerUnique(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	js := stream(t, nc)
	other := another(t, nc)
	f := submit(t, c, 1, producer.Key("k"))
	g := submit(t, other, 2, producer.Key("k"))
	require.Equal(t, f.ID(), g.ID())
	batch, _ := next(t, js, producer.DefaultQueue, broker.Normal)
	require.Equal(t, "k", batch.Tasks[0].Key)
	require.NoError(t, store(t, js, f.ID(), 2))
	require.NoError(t, broker.ReleaseKey(t.Context(), js, producer.DefaultQueue, "k", f.ID().String()))
	for _, f := range []*producer.Future[int]{f, g} {
		n, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, n)
	}
	h := submit(t, other, 2, producer.Key("k"))
	require.NotEqual(t, f.ID(), h.ID())
	require.True(t, cancels(t, h.Cancel))
	require.Eventually(t, func() bool { // the key is free again
		f := submit(t, c, 1, producer.Key("k"))
		defer cancels(t, f.Cancel)
		return f.ID() != h.ID()
	}, 10*time.Second, 10*time.Millisecond)
}

// A key that a task of another func has is no way to that task's result: the error
// names both funcs and the key, and nothing stays of the call.
func TestBrokerKeyOfAnotherFunc(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	js := stream(t, nc)
	other := another(t, nc)
	halve := codec.NewFunc[int, int]("halve")
	f := submit(t, c, 1, producer.Key("k"))
	for name, client := range map[string]*producer.Client{"the same client": c, "another client": other} {
		_, err := producer.Submit(t.Context(), client, halve, 8, producer.Key("k"))
		require.ErrorIs(t, err, producer.ErrKeyHeld, name)
		for _, text := range []string{`"k"`, `"double"`, `"halve"`, f.ID().String()} {
			require.ErrorContains(t, err, text, name)
		}
		require.Equal(t, f.ID(), submit(t, client, 2, producer.Key("k")).ID(), "the same func meets it")
		_, err = producer.Submit(t.Context(), client, codec.NewFunc[string, int]("double"), "2", producer.Key("k"))
		require.NoError(t, err, "its argument may be another")
	}
	_, err := producer.Submit(t.Context(), other, halve, 8, producer.Key("k"), producer.Queue("other"))
	require.NoError(t, err, "a key is of a queue")
	batch, _ := next(t, js, producer.DefaultQueue, broker.Normal)
	require.Equal(t, f.ID().N, batch.Tasks[0].N)

	// A task that has its outcome does not keep others of its key out.
	require.NoError(t, store(t, js, f.ID(), 2))
	g, err := producer.Submit(t.Context(), other, halve, 8, producer.Key("k"))
	require.NoError(t, err)
	require.NotEqual(t, f.ID(), g.ID())

	// Whose func an older client has not stored is taken for the same.
	old := codec.ID{Client: codec.NewClientID(), N: 7}
	_, err = broker.PublishUnique(t.Context(), nc, producer.DefaultQueue, "old", broker.KeyHolder{ID: old.String()},
		&nats.Msg{Subject: broker.TaskSubject(producer.DefaultQueue, broker.Normal)})
	require.NoError(t, err)
	require.Equal(t, old, submit(t, c, 1, producer.Key("old")).ID())
}

// A schedule submits tasks until it is ended; the same name has one.
func TestBrokerSchedule(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	js := stream(t, nc)
	schedules := func() (all []broker.Schedule) {
		for s, err := range broker.Schedules(t.Context(), js, "") {
			require.NoError(t, err)
			all = append(all, s)
		}
		return all
	}
	set := func(expr string, options ...producer.CallOption) error {
		return producer.Schedule(t.Context(), c, "s", expr, double, 21, options...)
	}
	require.NoError(t, set("0 3 * * *", producer.TimeZone("Europe/Berlin"), producer.Queue("other")))
	require.NoError(t, set("@every 1s"))
	require.Len(t, schedules(), 1)
	require.Equal(t, "@every 1s", schedules()[0].Expr)
	first, msg := next(t, js, producer.DefaultQueue, broker.Normal)
	second, msg2 := next(t, js, producer.DefaultQueue, broker.Normal)
	at, err := msg.Metadata()
	require.NoError(t, err)
	at2, err := msg2.Metadata()
	require.NoError(t, err)
	first.Number(at.Sequence.Stream)
	second.Number(at2.Sequence.Stream)
	require.Equal(t, first.Client, second.Client)
	require.NotEqual(t, first.Tasks[0].N, second.Tasks[0].N)

	for _, expr := range []string{"often", "61 * * * *", "@every 1ms", "@sometimes", "* * *"} {
		require.Error(t, set(expr), expr)
	}
	require.ErrorIs(t, set("* * *"), producer.ErrOption)
	require.Error(t, set("0 3 * * *", producer.TimeZone("Europe/Atlantis")))
	require.NoError(t, producer.Unschedule(t.Context(), c, "s"))
	require.Empty(t, schedules())
	require.NoError(t, producer.Unschedule(t.Context(), c, "s"))
}

// Progress comes to the future.
func TestBrokerProgress(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	f := submit(t, c, 1)
	reports := make(chan codec.Progress, 1)
	f.OnProgress(func(p codec.Progress) { reports <- p })
	require.NoError(t, nc.Publish(broker.ProgressSubject(c.ID()), []byte("nonsense")))
	want := codec.Progress{Done: 1, Total: 2, Note: "half"}
	require.NoError(t, nc.Publish(broker.ProgressSubject(c.ID()), codec.AppendProgress(nil, f.ID().N, 1, want)))
	require.Equal(t, want, <-reports)
}

// A full queue refuses, or takes its tasks when there is room.
func TestBrokerQueueFull(t *testing.T) {
	t.Parallel()
	patient, nc := serve(t)
	js := stream(t, nc)
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "small", broker.StreamOptions{MaxBytes: 4 << 10}))
	hasty := another(t, nc, producer.WithFullQueue(producer.FailAtOnce), producer.WithQueue("small"))
	fill := codec.NewFunc[[]byte, int]("fill")
	full := func(options ...producer.CallOption) error {
		f, err := producer.Submit(t.Context(), hasty, fill, make([]byte, 1<<10), options...)
		if err != nil {
			return err
		}
		require.NoError(t, hasty.Flush(t.Context()))
		if f.State() != producer.Finished {
			return nil
		}
		return f.Err(t.Context())
	}
	stored := 0
	for err := full(); ; err = full() {
		if err != nil {
			require.ErrorIs(t, err, producer.ErrQueueFull)
			break
		}
		stored++
	}
	require.Positive(t, stored)
	require.ErrorIs(t, full(producer.Key("k")), producer.ErrQueueFull)

	const more = 20 // far more than there is room for
	flushed, keyed := make(chan error), make(chan error)
	for range more {
		_, err := producer.Submit(t.Context(), patient, fill, make([]byte, 1<<10), producer.Queue("small"))
		require.NoError(t, err)
	}
	go func() { flushed <- patient.Flush(t.Context()) }()
	go func() {
		_, err := producer.Submit(t.Context(), patient, fill, nil, producer.Queue("small"), producer.Key("k"))
		keyed <- err
	}()
	for n := 0; n < stored+more+1; { // batches may hold several
		batch, _ := next(t, js, "small", broker.Normal)
		n += len(batch.Tasks)
	}
	require.NoError(t, <-flushed)
	require.NoError(t, <-keyed)
}

// What was missed is found after each reconnect, for one's own tasks and for
// others; what was found before is not read again.
func TestBrokerSweeps(t *testing.T) {
	t.Parallel()
	_, nc := serve(t)
	js := stream(t, nc)
	sweeps, err := nc.SubscribeSync("$JS.API.CONSUMER.CREATE.RESULTS.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	dialer := &gate{}
	c := another(t, nc, dialer.through())
	submit(t, c, 0) // so that there is always something to wait for
	last := uint64(0)
	for round := range 3 {
		own := submit(t, c, 1, producer.Retain(time.Hour))
		require.NoError(t, c.Flush(t.Context()))
		theirs := attach(t, c, foreign(uint64(round)))
		dialer.without(t, func() {
			require.NoError(t, store(t, js, own.ID(), 1))
			require.NoError(t, store(t, js, theirs.ID(), 2))
		})
		for want, f := range []*producer.Future[int]{1: own, 2: theirs} {
			if f == nil {
				continue
			}
			n, err := f.Result(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		sweep, err := sweeps.NextMsg(10 * time.Second)
		require.NoError(t, err)
		var request struct {
			Config struct {
				From uint64 `json:"opt_start_seq"`
			} `json:"config"`
		}
		require.NoError(t, json.Unmarshal(sweep.Data, &request))
		if round > 0 {
			require.Greater(t, request.Config.From, last)
		}
		last = request.Config.From
	}
}
