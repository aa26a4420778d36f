package conformance

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
)

// parse is int("…") of Python.
var parse = codec.NewFunc[string, int]("fwm/parse")

func init() {
	consumer.Handle(parse, func(_ context.Context, s string) (int, error) { return strconv.Atoi(s) })
}

// TestPoolFamily has what multiprocessing's and pebble's Pool do besides map.
func TestPoolFamily(t *testing.T) {
	p := start(t, 2)
	single := start(t, 1)

	// test_apply, test_imap, test_imap_unordered, both with failing arguments, and
	// test_starmap: in order, in any order, and of tuples, none twice. In Python a
	// chunk that is not full when the arguments fail is lost; here it is not.
	t.Run("M16", func(t *testing.T) {
		s := newScene(t, p)
		require.Equal(t, outcome{25, nil}, resultOf(s.ctx, s.submit(job{Value: 25})))
		want := slices.Collect(upTo(1000))
		for _, options := range [][]producer.CallOption{nil, {producer.Chunk(1)}, {producer.Chunk(100)}} {
			next, stop := iter.Pull2(producer.Map(s.ctx, s.client, perform, values(1000), options...))
			for i := range 1000 {
				requireNext(t, next, i)
			}
			requireEnd(t, next)
			stop()

			results, err := collect(producer.MapUnordered(s.ctx, s.client, perform, values(1000), options...))
			require.NoError(t, err)
			require.Equal(t, want, inOrder(t, results))

			products, err := producer.Collect(producer.Map(s.ctx, s.client, raising,
				producer.Zip(upTo[uint64](1000), upTo[uint64](1000), func(x, _ uint64) pair { return pair{x, 2} }), options...))
			require.NoError(t, err)
			require.Len(t, products, 1000)
			for i, product := range products {
				require.EqualValues(t, i*i, product)
			}
		}
		for _, test := range []struct{ total, when, chunk int }{{1, 0, 1}, {1, 0, 1}, {10, 3, 1}, {10, 3, 2}, {20, 7, 2}, {20, 7, 4}} {
			var got []int
			require.PanicsWithValue(t, "say when", func() {
				for result, err := range producer.Map(s.ctx, s.client, perform, sayWhen(test.total, test.when), producer.Chunk(test.chunk)) {
					require.NoError(t, err)
					got = append(got, result)
				}
			})
			require.Equal(t, slices.AppendSeq([]int(nil), upTo(test.when)), got)
			var results []producer.Indexed[int]
			require.PanicsWithValue(t, "say when", func() {
				for result, err := range producer.MapUnordered(s.ctx, s.client, perform, sayWhen(test.total, test.when), producer.Chunk(test.chunk)) {
					require.NoError(t, err)
					results = append(results, result)
				}
			})
			require.Equal(t, slices.AppendSeq([]int(nil), upTo(test.when)), inOrder(t, results))
		}
	})

	// test_map_async_callbacks and test_async_error_callback: of a callback for results
	// and one for errors, exactly one is called, once. Here both are OnDone.
	t.Run("M17", func(t *testing.T) {
		s := newScene(t, p)
		for arg, want := range map[string]int{"1": 1, "a": 0} {
			f, err := producer.Submit(s.ctx, s.client, parse, arg)
			require.NoError(t, err)
			results, errs := make(chan int, 2), make(chan error, 2)
			called := make(chan struct{})
			f.OnDone(func(f *future) {
				defer close(called) // a second call would panic
				if result, err := f.Result(ended()); err != nil {
					errs <- err
				} else {
					results <- result
				}
			})
			s.wait(called, "no callback is called")
			require.Equal(t, 1, len(results)+len(errs))
			if want != 0 {
				require.Equal(t, want, receive(s, results))
				continue
			}
			var remote *codec.RemoteError
			require.ErrorAs(t, receive(s, errs), &remote)
			require.Equal(t, "*strconv.NumError", remote.Type)
			require.Error(t, f.Err(s.ctx))
		}
	})

	// test_map_chunksize, test_empty_iterable and pebble's test_process_pool_map_empty,
	// _single, _multi, _one_chunk and _zero_chunk: nothing stalls for want of
	// arguments, the shortest sequence ends all, and a chunk has at least one.
	t.Run("M18", func(t *testing.T) {
		s := newScene(t, p)
		add := func(x, y int) job { return job{Value: x + y} }
		for _, options := range [][]producer.CallOption{nil, {producer.Chunk(1)}, {producer.Chunk(10)}, {producer.Buffer(1)}} {
			for _, test := range []struct {
				args iter.Seq[job]
				want []int
			}{
				{values(0), nil},
				{values(1), []int{0}},
				{values(3), []int{0, 1, 2}},
				{producer.Zip(upTo(0), upTo(3), add), nil},
				{producer.Zip(upTo(3), upTo(0), add), nil},
				{producer.Zip(slices.Values([]int{1, 2, 3}), slices.Values([]int{4, 5}), add), []int{5, 7}},
				{producer.Zip(slices.Values([]int{1, 2}), slices.Values([]int{3, 4, 5}), add), []int{4, 6}},
				{producer.Zip3(upTo(5), upTo(2), upTo(4), func(x, y, z int) job { return job{Value: x + y + z} }), []int{0, 3}},
			} {
				got, err := producer.Collect(producer.Map(s.ctx, s.client, perform, test.args, options...))
				require.NoError(t, err)
				require.Equal(t, test.want, got)
				results, err := collect(producer.MapUnordered(s.ctx, s.client, perform, test.args, options...))
				require.NoError(t, err)
				require.Equal(t, test.want, inOrder(t, results))
			}
		}
		s.requireRefused(producer.Chunk(0))
	})

	// pebble's test_process_pool_map_error, _timeout and _cancel: neither errors nor
	// time limits end the iteration, and when the rest is cancelled on the way each of
	// it says so. There the Map's future is cancelled; here the client's are.
	t.Run("M20", func(t *testing.T) {
		s := newScene(t, p)
		next, stop := iter.Pull2(producer.Map(s.ctx, s.client, perform,
			slices.Values([]job{{Value: 1}, {Fail: "one"}, {Value: 2}, {Fail: "two"}, {Value: 3}})))
		defer stop()
		requireNext(t, next, 1)
		requireNextError(t, next, "one")
		requireNext(t, next, 2)
		requireNextError(t, next, "two")
		requireNext(t, next, 3)
		requireEnd(t, next)

		never := s.gate()
		next, stop = iter.Pull2(producer.Map(s.ctx, s.client, perform,
			slices.Values([]job{{Value: 1}, {Gate: never}, {Value: 2}, {Gate: never}, {Value: 3}}), producer.Limit(2*time.Second)))
		defer stop()
		requireNext(t, next, 1)
		requireNextIs(t, next, codec.ErrTimeLimit)
		requireNext(t, next, 2)
		requireNextIs(t, next, codec.ErrTimeLimit)
		requireNext(t, next, 3)
		requireEnd(t, next)

		// The rest is given when the one process is busy, so that all of it waits.
		s = newScene(t, single)
		args, rest := s.late(slices.Collect(values(5)), 1)
		next, stop = iter.Pull2(producer.Map(s.ctx, s.client, perform, args))
		defer stop()
		requireNext(t, next, 0)
		busy := s.running()
		rest()
		require.Equal(t, 4, cancels(t, s.client.CancelPending))
		require.Equal(t, producer.Running, busy.State())
		for range 4 {
			requireNextIs(t, next, codec.ErrCancelled)
		}
		requireEnd(t, next)
	})

	// pebble's test_process_pool_map_timeout_chunks: 20 times 0.1 s in chunks of 5,
	// each chunk within 1.8 s. Here the limit is each task's own, whatever the chunk,
	// so one chunk of 20 passes too.
	t.Run("M21", func(t *testing.T) {
		s := newScene(t, p)
		work := slices.Repeat([]job{{Takes: 100 * time.Millisecond, Value: 1}}, 20)
		var chunks []<-chan outcome
		for _, n := range []int{5, 20} {
			sum := make(chan outcome, 1)
			chunks = append(chunks, sum)
			go func() {
				results, err := producer.Collect(producer.Map(s.ctx, s.client, perform, slices.Values(work),
					producer.Chunk(n), producer.Limit(1800*time.Millisecond)))
				sum <- outcome{len(results), err}
			}()
		}
		for _, sum := range chunks {
			require.Equal(t, outcome{20, nil}, receive(s, sum))
		}
		gate := s.gate()
		next, stop := iter.Pull2(producer.Map(s.ctx, s.client, perform,
			slices.Values([]job{{Value: 1}, {Gate: gate}, {Value: 2}}), producer.Chunk(3), producer.Limit(2*time.Second)))
		defer stop()
		requireNext(t, next, 1)
		requireNextIs(t, next, codec.ErrTimeLimit)
		requireNext(t, next, 2)
		requireEnd(t, next)
	})
}

// inOrder returns the values of a MapUnordered by their index, of which none may be
// missing and none be there twice.
func inOrder(t *testing.T, results []producer.Indexed[int]) (values []int) {
	t.Helper()
	slices.SortFunc(results, func(a, b producer.Indexed[int]) int { return a.Index - b.Index })
	for i, result := range results {
		require.Equal(t, i, result.Index)
		values = append(values, result.Value)
	}
	return values
}
