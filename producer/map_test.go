package producer_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// count returns 0 to n-1, or without end if n is negative, and counts what is
// read.
func count(n int, read *atomic.Int64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i != n; i++ {
			if read != nil {
				read.Add(1)
			}
			if !yield(i) {
				return
			}
		}
	}
}

func doubles(n int) (want []int) {
	for i := range n {
		want = append(want, 2*i)
	}
	return want
}

// M1, M18: the same as a plain loop whatever the chunk and the buffer.
func TestMap(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{run: doubled})
	for _, n := range []int{0, 1, 40, 200} {
		for _, options := range [][]producer.CallOption{
			nil,
			{producer.Chunk(1)}, {producer.Chunk(3)}, {producer.Chunk(6)}, {producer.Chunk(40)}, {producer.Chunk(50)},
			{producer.Buffer(1)}, {producer.Buffer(7), producer.Chunk(3)}, {producer.Buffer(1), producer.Chunk(3)},
		} {
			got, err := producer.Collect(producer.Map(t.Context(), c, double, count(n, nil), options...))
			require.NoError(t, err)
			require.Equal(t, doubles(n), got)

			indexed, err := producer.Collect(producer.MapUnordered(t.Context(), c, double, count(n, nil), options...))
			require.NoError(t, err)
			slices.SortFunc(indexed, func(a, b producer.Indexed[int]) int { return a.Index - b.Index })
			require.Len(t, indexed, n)
			for i, item := range indexed {
				require.Equal(t, producer.Indexed[int]{Index: i, Value: 2 * i, ID: item.ID}, item)
			}
		}
	}
	require.Zero(t, c.Pending())
}

// M1, M10: sizes that make no sense are refused, and nothing is read.
func TestMapRefusesOptions(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{})
	var read atomic.Int64
	for _, option := range []producer.CallOption{
		producer.Chunk(0), producer.Chunk(-1), producer.Buffer(0), producer.Buffer(-1),
		producer.Queue("no good"), producer.Crashes(0), producer.Limit(0),
	} {
		_, err := producer.Collect(producer.Map(t.Context(), c, double, count(3, &read), option))
		require.ErrorIs(t, err, producer.ErrOption)
	}
	_, err := producer.Collect(producer.Map(t.Context(), c, codec.NewFunc[int, int]("no good"), count(3, &read)))
	require.ErrorIs(t, err, codec.ErrName)
	_, err = producer.Collect(producer.Map(ended, c, double, count(3, &read)))
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, read.Load())
}

func TestMapSaysItsChunk(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{run: doubled})
	chosen := -1
	all, err := producer.Collect(producer.Map(t.Context(), c, double, count(100, nil), producer.ChosenChunk(&chosen), producer.Chunk(20)))
	require.NoError(t, err)
	require.Len(t, all, 100)
	require.Equal(t, 20, chosen)
	narrow := connect(t, &fake{run: doubled, payload: 1500})
	_, err = producer.Collect(producer.Map(t.Context(), narrow, double, count(100, nil), producer.ChosenChunk(&chosen), producer.Chunk(20)))
	require.NoError(t, err)
	require.Equal(t, 10, chosen, "a chunk takes two messages there")
	_, err = producer.Collect(producer.Map(t.Context(), c, double, count(10_000, nil), producer.ChosenChunk(&chosen)))
	require.NoError(t, err)
	require.Positive(t, chosen)
	require.LessOrEqual(t, chosen, 1024)
	_, err = producer.Collect(producer.Map(t.Context(), c, double, count(0, nil), producer.ChosenChunk(&chosen)))
	require.NoError(t, err)
	require.Zero(t, chosen)
	_, err = producer.Collect(producer.Map(t.Context(), c, double, count(0, nil), producer.ChosenChunk(nil)))
	require.ErrorIs(t, err, producer.ErrOption)
}

// M2: an error is yielded in its place, and the iteration goes on.
func TestMapErrors(t *testing.T) {
	t.Parallel()
	broker := &fake{run: func(t *codec.Task) *codec.Outcome {
		if n, _ := double.Arg(t.Arg); n == 2 {
			return &codec.Outcome{Failure: &codec.Failure{Message: "two"}}
		}
		return doubled(t)
	}}
	c := connect(t, broker)
	for _, option := range []producer.CallOption{producer.Chunk(3), producer.Buffer(2)} {
		var got []string
		for n, err := range producer.Map(t.Context(), c, double, count(5, nil), option) {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			got = append(got, strconv.Itoa(n))
		}
		require.Equal(t, []string{"0", "2", "two", "6", "8"}, got)
	}
	got, err := producer.Collect(producer.Map(t.Context(), c, double, count(-1, nil)))
	require.EqualError(t, err, "two")
	require.Equal(t, []int{0, 2}, got)
}

// An argument that cannot be sent is an error in its place.
func TestMapUnsendable(t *testing.T) {
	t.Parallel()
	anything := codec.NewFunc[any, int]("anything")
	broker := &fake{run: func(*codec.Task) *codec.Outcome { o := valued(1); return &o }}
	c := connect(t, broker, producer.WithQueue("small"))
	for _, option := range []producer.CallOption{producer.Chunk(2), producer.Buffer(2)} {
		args := slices.Values([]any{1, make(chan int), 2, make([]byte, 2<<20)})
		var errs []error
		for _, err := range producer.Map(t.Context(), c, anything, args, option) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 4)
		require.NoError(t, errs[0])
		require.ErrorIs(t, errs[1], codec.ErrEncode)
		require.NoError(t, errs[2])
		require.ErrorIs(t, errs[3], codec.ErrTooLarge)

		var indices []int
		for item, err := range producer.MapUnordered(t.Context(), c, anything, args, option) {
			if err != nil {
				indices = append(indices, item.Index)
			}
		}
		require.ElementsMatch(t, []int{1, 3}, indices)
	}
}

// M4: results until the deadline, its error once, and the end; the rest is
// cancelled. The limit is of the whole iteration.
func TestMapDeadline(t *testing.T) {
	t.Parallel()
	for _, unordered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			broker := &fake{run: func(t *codec.Task) *codec.Outcome {
				if n, _ := double.Arg(t.Arg); n == 2 {
					return nil
				}
				return doubled(t)
			}}
			c := connect(t, broker)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			var got []int
			var errs []error
			if unordered {
				for item, err := range producer.MapUnordered(ctx, c, double, count(5, nil)) {
					if err != nil {
						require.Equal(t, -1, item.Index)
						errs = append(errs, err)
					} else {
						got = append(got, item.Index)
					}
				}
				require.ElementsMatch(t, []int{0, 1, 3, 4}, got)
			} else {
				for n, err := range producer.Map(ctx, c, double, count(5, nil)) {
					if err != nil {
						errs = append(errs, err)
					} else {
						got = append(got, n)
					}
				}
				require.Equal(t, []int{0, 2}, got)
			}
			require.Equal(t, time.Second, time.Since(began))
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], context.DeadlineExceeded)
			require.Zero(t, c.Pending())
			require.Equal(t, []cancelled{{producer.DefaultQueue, broker.client, false, []uint64{2}}}, broker.cancelRequests())
		})
	}
}

// M6, M9: leaving the loop cancels what has not started, in one request.
func TestMapLeft(t *testing.T) {
	t.Parallel()
	for _, options := range [][]producer.CallOption{nil, {producer.Chunk(10)}} {
		broker := &fake{run: func(t *codec.Task) *codec.Outcome {
			if t.N == 0 {
				return doubled(t)
			}
			return nil
		}}
		c := connect(t, broker)
		read := 0 // not shared once the loop is left
		args := func(yield func(int) bool) {
			for yield(read) {
				read++
			}
		}
		for n, err := range producer.Map(t.Context(), c, double, args, append(options, producer.Buffer(100))...) {
			require.NoError(t, err)
			require.Zero(t, n)
			break
		}
		require.LessOrEqual(t, read, 101)
		require.Zero(t, c.Pending())
		require.LessOrEqual(t, len(broker.cancelRequests()), 2)
	}
}

// A read that blocks keeps neither the results nor the end of the loop waiting.
func TestMapBlockedRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, &fake{run: doubled})
		lines := make(chan int, 1)
		lines <- 7
		args := func(yield func(int) bool) {
			for n := range lines {
				if !yield(n) {
					return
				}
			}
		}
		began := time.Now()
		for n, err := range producer.Map(t.Context(), c, double, args) {
			require.NoError(t, err)
			require.Equal(t, 14, n)
			require.Equal(t, began, time.Now())
			break
		}
		require.Less(t, time.Since(began), time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := producer.Collect(producer.Map(ctx, c, double, args))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(lines)
	})
}

// M10: so many arguments are read as the buffer says, and one more per result.
func TestMapBuffer(t *testing.T) {
	t.Parallel()
	for _, options := range [][]producer.CallOption{{producer.Buffer(3)}, {producer.Buffer(3), producer.Chunk(1)}, {producer.Buffer(1), producer.Chunk(3)}} {
		synctest.Test(t, func(t *testing.T) {
			broker := &fake{}
			c := connect(t, broker)
			var read atomic.Int64
			next, stop := iter.Pull2(producer.Map(t.Context(), c, double, count(-1, &read), options...))
			defer stop()
			require.Zero(t, read.Load())
			go func() {
				synctest.Wait()
				assert.EqualValues(t, 3, read.Load())
				for n := range uint64(10) {
					broker.succeed(codec.ID{N: n}, int(2*n))
				}
			}()
			for i := range 3 {
				n, err, ok := next()
				require.NoError(t, err)
				require.True(t, ok)
				require.Equal(t, 2*i, n)
				synctest.Wait()
				require.EqualValues(t, 3+i+1, read.Load())
			}
		})
	}
}

// M14: a panic of the arguments, and a Goexit, go on in the loop's goroutine
// after the results before it.
func TestMapArgsFail(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{run: doubled})
	for _, option := range []producer.CallOption{producer.Chunk(2), producer.Buffer(2)} {
		for range 2 {
			var got []int
			collect := func(fail func()) {
				args := func(yield func(int) bool) {
					for i := range 3 {
						yield(i)
					}
					fail()
				}
				for n, err := range producer.Map(t.Context(), c, double, args, option) {
					require.NoError(t, err)
					got = append(got, n)
				}
				got = nil // not to be reached
			}
			require.PanicsWithValue(t, "ow", func() { collect(func() { panic("ow") }) })
			require.Equal(t, doubles(3), got)
			got = nil
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				collect(runtime.Goexit)
			}()
			<-gone
			require.Equal(t, doubles(3), got)
		}
	}
}

// The loop's body may panic: nothing is left.
func TestMapBodyPanics(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{run: doubled})
	require.PanicsWithValue(t, "ow", func() {
		for range producer.Map(t.Context(), c, double, count(-1, nil)) {
			panic("ow")
		}
	})
	require.Zero(t, c.Pending())
}

// Stopping the client in the middle: what was submitted is yielded, then the
// error.
func TestMapStopped(t *testing.T) {
	t.Parallel()
	for _, options := range [][]producer.CallOption{{producer.Buffer(4)}, {producer.Buffer(4), producer.Chunk(2)}} {
		c := connect(t, &fake{run: doubled})
		var got []int
		var errs []error
		for n, err := range producer.Map(t.Context(), c, double, count(-1, nil), options...) {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			require.Empty(t, errs)
			got = append(got, n)
			c.Stop()
		}
		require.Equal(t, doubles(len(got)), got)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], producer.ErrClosed)
		require.NoError(t, c.Close(t.Context()))
	}
}

// Results in any order come as they are done.
func TestMapUnorderedOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		go func() {
			for _, n := range []uint64{3, 0, 2, 1} {
				time.Sleep(time.Second)
				broker.succeed(codec.ID{N: n}, int(n))
			}
		}()
		var order []int
		for item, err := range producer.MapUnordered(t.Context(), c, double, count(4, nil)) {
			require.NoError(t, err)
			order = append(order, item.Index)
		}
		require.Equal(t, []int{3, 0, 2, 1}, order)
	})
}

// M9 for results in any order, with calls that run left to themselves.
func TestMapUnorderedLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		go func() {
			time.Sleep(time.Second)
			broker.start(codec.ID{N: 1})
			broker.succeed(codec.ID{N: 2}, 4)
		}()
		for item, err := range producer.MapUnordered(t.Context(), c, double, count(10, nil)) {
			require.NoError(t, err)
			require.Equal(t, producer.Indexed[int]{Index: 2, Value: 4, ID: codec.ID{Client: c.ID(), N: 2}}, item)
			break
		}
		require.Equal(t, 1, c.Pending(), "the one that runs")
		require.Len(t, broker.cancelRequests(), 1)
		require.ElementsMatch(t, []uint64{0, 3, 4, 5, 6, 7, 8, 9}, broker.cancelRequests()[0].tasks)
		broker.succeed(codec.ID{N: 1}, 2)
	})
}

// M13: what was yielded is kept by nobody.
func TestMapKeepsNothing(t *testing.T) {
	t.Parallel()
	boxed := codec.NewFunc[int, *result]("boxed")
	c := connect(t, &fake{run: func(*codec.Task) *codec.Outcome { o := valued(result{"x"}); return &o }})
	freed := make(chan struct{})
	first := true
	for r, err := range producer.Map(t.Context(), c, boxed, count(100, nil)) {
		require.NoError(t, err)
		if first {
			first = false
			runtime.AddCleanup(r, func(struct{}) { close(freed) }, struct{}{})
			continue
		}
		require.Eventually(t, func() bool {
			runtime.GC()
			select {
			case <-freed:
				return true
			default:
				return false
			}
		}, 10*time.Second, time.Millisecond)
		break
	}
}

// M18: several sequences are zipped and end with the shortest.
func TestZip(t *testing.T) {
	t.Parallel()
	add := func(a, b int) int { return a + b }
	for _, test := range []struct{ as, bs, want []int }{
		{[]int{1, 2, 3}, []int{10, 20, 30}, []int{11, 22, 33}},
		{[]int{1, 2, 3}, []int{10}, []int{11}},
		{[]int{1}, []int{10, 20}, []int{11}},
		{nil, []int{1}, nil}, {[]int{1}, nil, nil},
	} {
		require.Equal(t, test.want, slices.Collect(producer.Zip(slices.Values(test.as), slices.Values(test.bs), add)))
	}
	c := connect(t, &fake{run: doubled})
	args := producer.Zip3(count(-1, nil), count(3, nil), count(-1, nil), func(a, b, c int) int { return a + 10*b + 100*c })
	got, err := producer.Collect(producer.Map(t.Context(), c, double, args))
	require.NoError(t, err)
	require.Equal(t, []int{0, 222, 444}, got)
}

var errStop = errors.New("stop")

func TestCollectStops(t *testing.T) {
	t.Parallel()
	reached := 0
	results := func(yield func(int, error) bool) {
		for i := range 5 {
			reached++
			var err error
			if i == 2 {
				err = errStop
			}
			if !yield(i, err) {
				return
			}
		}
	}
	got, err := producer.Collect(results)
	require.ErrorIs(t, err, errStop)
	require.Equal(t, []int{0, 1}, got)
	require.Equal(t, 3, reached)
}

// Results come with what is known of their tasks, in order or not, in chunks or
// not: the id, also of one that fails, and the run time.
func TestMapTellsOfTasks(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{run: func(task *codec.Task) *codec.Outcome {
		if bytes.Contains(task.Arg, []byte("bad")) {
			return &codec.Outcome{Failure: &codec.Failure{Code: codec.CodeError, Message: "bad"}, Run: time.Hour}
		}
		return &codec.Outcome{Value: task.Arg, Run: 1500 * time.Microsecond}
	}})
	echo := codec.NewFunc[any, any]("echo")
	args := slices.Values([]any{"a long text, so that it is kept elsewhere", "bad", func() {}, 1.0})
	for _, option := range []producer.CallOption{producer.Buffer(4), producer.Chunk(3)} {
		seen := map[codec.ID]bool{}
		for item, err := range producer.MapIndexed(t.Context(), c, echo, args, option) {
			if item.Index == 2 {
				require.ErrorIs(t, err, codec.ErrEncode)
				require.Zero(t, item.ID)
				require.Zero(t, item.Run)
				seen[item.ID] = true
				continue
			}
			require.Equal(t, c.ID(), item.ID.Client)
			want := 1500 * time.Microsecond
			var remote *codec.RemoteError
			if item.Index == 1 {
				require.ErrorAs(t, err, &remote)
				require.Equal(t, remote.Task, item.ID)
				want = time.Hour
			}
			require.Equal(t, want, item.Run)
			require.Equal(t, len(seen), item.Index)
			seen[item.ID] = true
		}
		require.Len(t, seen, 4, "each has its own")
		unordered, _ := producer.Collect(producer.MapUnordered(t.Context(), c, echo, slices.Values([]any{1}), option))
		require.Equal(t, 1500*time.Microsecond, unordered[0].Run)
		require.False(t, seen[unordered[0].ID])
	}
}
