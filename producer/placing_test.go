package producer_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/producer"
)

// What the options say is in the task.
func TestOptionsOnTheWire(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	submit(t, c, 1, producer.Attempts(5), producer.Backoff(time.Minute), producer.Retain(time.Hour), producer.Priority(producer.Low))
	submit(t, c, 1, producer.Priority(producer.High))
	submit(t, c, 1)
	sent := broker.sent()
	require.Len(t, sent, 3)
	task := sent[0].tasks[0]
	require.Equal(t, 5, task.MaxErrors)
	require.Equal(t, time.Minute, task.Backoff)
	require.Equal(t, time.Hour, task.Retain)
	for i, lane := range []producer.Lane{producer.Low, producer.High, producer.Normal} {
		require.Equal(t, lane, sent[i].lane)
	}
}

// A value that makes no sense is refused, and so is what does not go together.
func TestBadOptions(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{})
	for name, options := range map[string][]producer.CallOption{
		"attempts":      {producer.Attempts(0)},
		"backoff":       {producer.Backoff(0)},
		"long backoff":  {producer.Backoff(time.Hour)},
		"short retain":  {producer.Retain(time.Millisecond)},
		"long retain":   {producer.Retain(producer.MaxRetain + 1)},
		"priority":      {producer.Priority(3)},
		"delay":         {producer.Delay(-1)},
		"at":            {producer.At(time.Time{})},
		"empty key":     {producer.Key("")},
		"long key":      {producer.Key(strings.Repeat("k", 129))},
		"key not text":  {producer.Key("\xff")},
		"key and delay": {producer.Key("k"), producer.Delay(time.Hour)},
		"empty zone":    {producer.TimeZone("")},
		"zone":          {producer.TimeZone("Europe/Berlin")},
	} {
		_, err := producer.Submit(t.Context(), c, double, 1, options...)
		require.ErrorIs(t, err, producer.ErrOption, name)
	}
	for name, option := range map[string]producer.CallOption{
		"key": producer.Key("k"), "delay": producer.Delay(time.Hour), "zone": producer.TimeZone("Europe/Berlin"),
	} {
		for _, err := range producer.Map(t.Context(), c, double, count(1, nil), option) {
			require.ErrorIs(t, err, producer.ErrOption, name)
		}
	}
	for name, option := range map[string]producer.CallOption{
		"key": producer.Key("k"), "delay": producer.Delay(time.Hour), "deadline": producer.Deadline(time.Now()),
	} {
		require.ErrorIs(t, producer.Schedule(t.Context(), c, "s", "@hourly", double, 1, option), producer.ErrOption, name)
	}
	_, err := producer.New(t.Context(), &fake{}, producer.WithFullQueue(2))
	require.ErrorIs(t, err, producer.ErrOption)
}

// Each lane of a queue has its own batches.
func TestLanes(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	stored := slow(broker)
	c := connect(t, broker)
	known(t, c, broker, stored)
	for range 4 {
		submit(t, c, 1, producer.Priority(producer.High))
		submit(t, c, 1)
	}
	require.Len(t, broker.sent(), 1+2*2)
	for range 4 {
		(<-stored)(nil)
	}
	tasks := map[producer.Lane]int{}
	for _, batch := range broker.sent()[1:] {
		tasks[batch.lane] += len(batch.tasks)
	}
	require.Equal(t, map[producer.Lane]int{producer.High: 4, producer.Normal: 4}, tasks)
}

// A delayed task goes by itself, Flush waits for it, and cancelling it removes it
// from the broker.
func TestDelayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		stored := slow(broker)
		c := connect(t, broker)
		f := submit(t, c, 1, producer.Delay(time.Hour))
		submit(t, c, 2, producer.At(time.Now().Add(-time.Hour)))
		sent := broker.sent()
		require.Len(t, sent, 2)
		require.Equal(t, time.Now().Add(time.Hour), sent[0].at)
		require.Zero(t, sent[1].at, "it is time already")
		flushed := make(chan error)
		go func() { flushed <- c.Flush(t.Context()) }()
		(<-stored)(nil)
		synctest.Wait()
		select {
		case <-flushed:
			t.Fatal("too early")
		default:
		}
		(<-stored)(nil)
		require.NoError(t, <-flushed)

		require.True(t, cancels(t, f.Cancel))
		synctest.Wait()
		require.Equal(t, []codec.ID{f.ID()}, broker.unscheduled())
		durable := submit(t, c, 1, producer.Delay(time.Hour), producer.Retain(time.Hour))
		(<-stored)(nil)
		require.True(t, cancels(t, durable.Cancel))
		synctest.Wait()
		require.Equal(t, []codec.ID{f.ID(), durable.ID()}, broker.unscheduled())
	})
}

// Of the calls with one key one is submitted, and the others get its future.
func TestUnique(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		f := submit(t, c, 1, producer.Key("k"))
		same := submit(t, c, 2, producer.Key("k"))
		elsewhere := submit(t, c, 2, producer.Key("k"), producer.Queue("other"))
		require.Equal(t, f.ID(), same.ID())
		require.NotEqual(t, f.ID(), elsewhere.ID())
		require.Len(t, broker.sent(), 2)
		task := broker.sent()[0].tasks[0]
		require.Equal(t, "k", task.Key)
		require.Equal(t, 24*time.Hour, task.Retain)
		require.Equal(t, 2, c.Pending())
		require.True(t, cancels(t, elsewhere.Cancel))
		synctest.Wait()
		require.NotContains(t, broker.shelf.keys, "other/k", "the key is free")

		broker.shelf.keys["default/k"] = transport.KeyHolder{ID: foreign(1)}
		theirs := submit(t, c, 3, producer.Key("k"), producer.Retain(time.Hour))
		require.Equal(t, foreign(1), theirs.ID())
		broker.keep(f.ID(), valued(2), true)
		closed := make(chan error)
		go func() { closed <- c.Close(t.Context()) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("a submitted call is pending")
		default:
		}
		broker.keep(foreign(1), valued(6), true)
		require.NoError(t, <-closed)
		for f, want := range map[*producer.Future[int]]int{f: 2, same: 2, theirs: 6} {
			n, err := f.Result(ended)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
	})
}

// A key that a task has though it is over, as after a kill of the broker, is
// nobody's.
func TestUniqueOfATaskThatIsOver(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	over := submit(t, c, 1, producer.Key("k"))
	broker.keep(over.ID(), valued(2), true)
	require.Equal(t, over.ID(), broker.shelf.keys["default/k"].ID)
	next := submit(t, c, 3, producer.Key("k"))
	require.NotEqual(t, over.ID(), next.ID())
	require.Equal(t, next.ID(), broker.shelf.keys["default/k"].ID)
	require.Equal(t, next.ID(), submit(t, c, 3, producer.Key("k")).ID())
	broker.keep(next.ID(), valued(6), true)
	n, err := next.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, 6, n)
}

// A call with a key that cannot be stored is an error, and nothing stays.
func TestUniqueFails(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	broker.shelf.err = producer.ErrQueueFull
	_, err := producer.Submit(t.Context(), c, double, 1, producer.Key("k"))
	require.ErrorIs(t, err, producer.ErrQueueFull)
	broker.shelf.err = errors.New("no")
	_, err = producer.Submit(t.Context(), c, double, 1, producer.Key("k"))
	require.ErrorIs(t, err, producer.ErrNotStored)
	require.Zero(t, c.Pending())
	c.Stop()
	_, err = producer.Submit(t.Context(), c, double, 1, producer.Key("k"))
	require.ErrorIs(t, err, producer.ErrClosed)
}

// A refusal for want of room can be told from others.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	stored := slow(broker)
	c := connect(t, broker)
	f, g := submit(t, c, 1), submit(t, c, 2)
	(<-stored)(producer.ErrQueueFull)
	(<-stored)(errors.New("no"))
	require.ErrorIs(t, f.Err(t.Context()), producer.ErrQueueFull)
	require.ErrorIs(t, f.Err(t.Context()), producer.ErrNotStored)
	require.ErrorIs(t, g.Err(t.Context()), producer.ErrNotStored)
	require.NotErrorIs(t, g.Err(t.Context()), producer.ErrQueueFull)
}

// A schedule is one task, numbered by whoever submits it, for a client of its own.
func TestSchedule(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	set := func(name string) error {
		return producer.Schedule(t.Context(), c, name, "0 3 * * *", double, 21, producer.TimeZone("Europe/Berlin"), producer.Priority(producer.Low))
	}
	require.NoError(t, set("nightly"))
	got := broker.shelf.crons["nightly"]
	require.Equal(t, "0 3 * * *", got.expr)
	require.Equal(t, "Europe/Berlin", got.zone)
	require.EqualValues(t, producer.Low, got.batch.Lane)
	var batch codec.Batch
	require.NoError(t, batch.Decode(got.batch.Data))
	require.NotEqual(t, c.ID(), batch.Client)
	require.Len(t, batch.Tasks, 1)
	require.True(t, batch.Tasks[0].Numbered)

	require.ErrorIs(t, set("night.ly"), producer.ErrOption)
	require.ErrorIs(t, producer.Unschedule(t.Context(), c, ""), producer.ErrOption)
	require.ErrorIs(t, producer.Unschedule(ended, c, "nightly"), ended.Err())
	err := producer.Schedule(t.Context(), c, "big", "@hourly", codec.NewFunc[[]byte, int]("big"), make([]byte, 2<<20))
	require.ErrorIs(t, err, codec.ErrTooLarge)
	require.NoError(t, producer.Unschedule(t.Context(), c, "nightly"))
	require.Empty(t, broker.shelf.crons)
	broker.shelf.err = errors.New("the broker's word")
	require.ErrorContains(t, set("nightly"), "the broker's word")
	require.ErrorContains(t, producer.Unschedule(t.Context(), c, "nightly"), "the broker's word")
	require.NoError(t, c.Close(t.Context()))
	require.ErrorIs(t, set("nightly"), producer.ErrClosed)
	require.ErrorIs(t, producer.Unschedule(t.Context(), c, "nightly"), producer.ErrClosed)
}
