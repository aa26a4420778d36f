package conformance

import (
	"context"
	"iter"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

func TestMap(t *testing.T) {
	p := start(t, 2)
	single := start(t, 1)

	// test_map and test_map_chunksize: the results of a serial map, whatever the chunk
	// size; -1 and 0 are refused. Python does so at the call, Map when it is iterated.
	t.Run("M1", func(t *testing.T) {
		s := newScene(t, p)
		var want []uint64
		for i := range uint64(40) {
			want = append(want, raise(pair{i, i}))
		}
		args := producer.Zip(upTo[uint64](40), upTo[uint64](40), join)
		got, err := producer.Collect(producer.Map(s.ctx, s.client, raising, args))
		require.NoError(t, err)
		require.Equal(t, want, got)
		for _, n := range []int{1, 3, 6, 40, 50} {
			got, err := producer.Collect(producer.Map(s.ctx, s.client, raising, args, producer.Chunk(n)))
			require.NoError(t, err, n)
			require.Equal(t, want, got, n)
		}
		for _, n := range []int{-1, 0} {
			s.requireRefused(producer.Chunk(n))
		}
	})

	// test_map_exception: an error takes the place of its result, the iteration goes
	// on, and its end is final.
	t.Run("M2", func(t *testing.T) {
		s := newScene(t, p)
		jobs := slices.Values([]job{{Value: 1}, {Value: 2}, {Fail: "division by zero"}, {Value: 4}})
		for _, options := range [][]producer.CallOption{nil, {producer.Chunk(1)}, {producer.Chunk(3)}} {
			next, stop := iter.Pull2(producer.Map(s.ctx, s.client, perform, jobs, options...))
			defer stop()
			requireNext(t, next, 1)
			requireNext(t, next, 2)
			_, err, ok := next()
			require.True(t, ok)
			require.EqualError(t, err, "division by zero")
			requireNext(t, next, 4)
			requireEnd(t, next)
		}
	})

	// test_map_timeout: the results until the deadline, then its error, then nothing;
	// what has not started by then never does.
	t.Run("M4", func(t *testing.T) {
		s := newScene(t, single)
		timeout := newExpiring(s.ctx)
		next, stop := iter.Pull2(producer.Map(timeout, s.client, perform, slices.Values([]job{{Value: 1}, {Value: 2}, {Gate: s.gate()}})))
		defer stop()
		requireNext(t, next, 1)
		requireNext(t, next, 2)
		timeout.expire()
		requireNextIs(t, next, context.DeadlineExceeded)
		requireEnd(t, next)
		s.open(s.gates[0])
		s.eventually(func() bool { return s.client.Pending() == 0 }, "the task that ran does not end")

		timeout = newExpiring(s.ctx)
		jobs, marks := s.marking(20, 2)
		args, rest := s.late(jobs, 2)
		next, stop = iter.Pull2(producer.Map(timeout, s.client, perform, args))
		defer stop()
		requireNext(t, next, 0)
		requireNext(t, next, 1)
		busy := s.running()
		rest()
		timeout.expire()
		requireNextIs(t, next, context.DeadlineExceeded)
		requireEnd(t, next)
		s.requireNeverRun(busy, marks)
	})

	// test_map_close: after the stop is the end, with chunks too.
	t.Run("M6", func(t *testing.T) {
		s := newScene(t, p)
		jobs := func() iter.Seq[job] { return values(10) }
		for _, options := range [][]producer.CallOption{nil, {producer.Chunk(1)}, {producer.Chunk(3)}, {producer.Chunk(3), producer.Buffer(3)}} {
			next, stop := iter.Pull2(producer.Map(s.ctx, s.client, perform, jobs(), options...))
			requireNext(t, next, 0)
			stop()
			requireEnd(t, next)
			stop()

			_, stop = iter.Pull2(producer.Map(s.ctx, s.client, perform, jobs(), options...)) // before the first
			stop()
		}
		s.eventually(func() bool { return s.client.Pending() == 0 }, "futures are left")
	})

	// test_map_submits_without_iteration: in Python map submits all at the call. Map is
	// an iter.Seq2, of which nothing happens, and nothing can be left behind, before
	// the range; who wants all to run at once calls Submit.
	t.Run("M8", func(t *testing.T) {
		s := newScene(t, p)
		jobs, marks := s.marking(10, 0)
		read := 0
		results := producer.Map(s.ctx, s.client, perform, counting(slices.Values(jobs), &read))
		require.NoError(t, s.client.Flush(s.ctx))
		require.Zero(t, s.client.Pending())
		s.settle()
		require.Zero(t, read)
		requireNone(t, marks)
		got, err := producer.Collect(results)
		require.NoError(t, err)
		require.Len(t, got, 10)
		requireAll(t, marks)

		jobs, marks = s.marking(10, 0)
		for _, j := range jobs {
			s.submit(j)
		}
		s.eventually(func() bool { return s.client.Pending() == 0 }, "the tasks do not run")
		requireAll(t, marks)
	})

	// The issue of Python that an iterator dropped early leaves all running: what has
	// not started when the loop is left never runs.
	t.Run("M9", func(t *testing.T) {
		s := newScene(t, single)
		for _, options := range [][]producer.CallOption{nil, {producer.Chunk(1)}} {
			jobs, marks := s.marking(20, 1)
			args, rest := s.late(jobs, 1)
			var busy *future
			for i, err := range producer.Map(s.ctx, s.client, perform, args, options...) {
				require.NoError(t, err)
				require.Zero(t, i)
				busy = s.running()
				rest()
				break
			}
			s.requireNeverRun(busy, marks)
		}
	})

	// The eight test_map_buffersize: right results for every size, and so many read
	// ahead; bad sizes are refused (a bad type does not compile); endless sequences,
	// one or two, and empty ones work.
	t.Run("M10", func(t *testing.T) {
		s := newScene(t, p)
		for _, n := range []int{-1, 0, math.MinInt} {
			s.requireRefused(producer.Buffer(n))
		}
		for _, n := range []int{1, 2, 4, 8} {
			got, err := producer.Collect(producer.Map(s.ctx, s.client, perform, values(4), producer.Buffer(n)))
			require.NoError(t, err)
			require.Equal(t, []int{0, 1, 2, 3}, got)
			sums, err := producer.Collect(producer.Map(s.ctx, s.client, raising,
				producer.Zip(upTo[uint64](4), upTo[uint64](4), join), producer.Buffer(n)))
			require.NoError(t, err)
			require.Equal(t, []uint64{1, 1, 4, 27}, sums)
		}
		for _, options := range [][]producer.CallOption{nil, {producer.Buffer(2)}} {
			got, err := producer.Collect(producer.Map(s.ctx, s.client, perform, values(0), options...))
			require.NoError(t, err)
			require.Empty(t, got)
			sums, err := producer.Collect(producer.Map(s.ctx, s.client, raising,
				producer.Zip(upTo[uint64](0), upTo[uint64](0), join), options...))
			require.NoError(t, err)
			require.Empty(t, sums)
			s.endless(options...)
		}
		s.readsAhead(4)
	})

	// test_free_reference: nothing but the loop holds what was yielded.
	t.Run("M13", func(t *testing.T) {
		s := newScene(t, p)
		texts := slices.Values([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
		for _, options := range [][]producer.CallOption{nil, {producer.Chunk(3)}, {producer.Buffer(2)}} {
			yielded := 0
			for result, err := range producer.Map(s.ctx, s.client, declare, texts, options...) {
				require.NoError(t, err)
				ref := weak.Make(result)
				result = nil
				requireFreed(s, ref)
				yielded++
			}
			require.Equal(t, 10, yielded)
		}
	})

	// loky's test_imap_handle_iterable_exception and
	// test_map_handle_iterable_exception: arguments that fail are reported to the
	// caller, more than once, and the pool goes on. Map panics with what the sequence
	// panicked with, after the results of what it gave before.
	t.Run("M14", func(t *testing.T) {
		s := newScene(t, single)
		for range 2 {
			for _, test := range []struct{ total, when, chunk int }{
				{1, 0, 0}, {1, 0, 1}, {10, 3, 0}, {10, 3, 1}, {20, 7, 2}, {20, 7, 4},
			} {
				var options []producer.CallOption
				if test.chunk > 0 {
					options = append(options, producer.Chunk(test.chunk))
				}
				var got []int
				require.PanicsWithValue(t, "say when", func() {
					for result, err := range producer.Map(s.ctx, s.client, perform, sayWhen(test.total, test.when), options...) {
						require.NoError(t, err)
						got = append(got, result)
					}
				})
				require.Equal(t, slices.AppendSeq([]int(nil), upTo[int](test.when)), got)
				require.Equal(t, outcome{42, nil}, resultOf(s.ctx, s.submit(job{Value: 42})))
			}
		}
	})
}

// requireRefused requires that Map refuses an option and does nothing else.
func (s *scene) requireRefused(option producer.CallOption) {
	s.Helper()
	read, steps := 0, 0
	for _, err := range producer.Map(s.ctx, s.client, perform, counting(values(3), &read), option) {
		require.ErrorIs(s, err, producer.ErrOption)
		steps++
	}
	require.Equal(s, 1, steps)
	require.Zero(s, read)
	require.Zero(s, s.client.Pending())
	_, err := producer.Submit(s.ctx, s.client, perform, job{}, option)
	require.ErrorIs(s, err, producer.ErrOption)
}

// endless maps endless sequences, and leaves.
func (s *scene) endless(options ...producer.CallOption) {
	s.Helper()
	want := 0
	for got, err := range producer.Map(s.ctx, s.client, perform, values(math.MaxInt), options...) {
		require.NoError(s, err)
		require.Equal(s, want, got)
		if want++; want == 10 {
			break
		}
	}
	var n uint64
	args := producer.Zip(upTo[uint64](math.MaxInt), upTo[uint64](math.MaxInt), func(x, _ uint64) pair { return pair{x, 1} })
	for got, err := range producer.Map(s.ctx, s.client, raising, args, options...) {
		require.NoError(s, err)
		require.Equal(s, n, got)
		if n++; n == 10 {
			break
		}
	}
	s.eventually(func() bool { return s.client.Pending() == 0 }, "futures are left")
}

// readsAhead requires that Map reads just so many arguments before it yields the
// first result, and one more for each.
func (s *scene) readsAhead(buffer int) {
	s.Helper()
	var read atomic.Int64
	gate := s.gate()
	jobs := func(yield func(job) bool) {
		for read.Add(1); yield(job{Gate: gate, Value: int(read.Load())}); read.Add(1) {
		}
	}
	next, stop := iter.Pull2(producer.Map(s.ctx, s.client, perform, jobs, producer.Buffer(buffer)))
	first := make(chan outcome, 1)
	go func() {
		value, err, _ := next()
		first <- outcome{value, err}
	}()
	s.eventually(func() bool { return read.Load() == int64(buffer) }, "%d are not read", buffer)
	require.Empty(s, first)
	s.open(gate)
	require.Equal(s, outcome{1, nil}, receive(s, first))
	for i := 2; i <= 10; i++ {
		s.eventually(func() bool { return read.Load() == int64(buffer+i-1) }, "%d are not read", buffer+i-1)
		requireNext(s.T, next, i)
	}
	s.eventually(func() bool { return read.Load() == int64(buffer+10) }, "%d are not read", buffer+10)
	stop()
	require.EqualValues(s, buffer+10, read.Load())
}
