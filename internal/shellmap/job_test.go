package shellmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/joblog"
)

// upper calls a func in the loop's own goroutine: it returns an item in upper case,
// and fails for those that begin with an x.
func upper(_ context.Context, items iter.Seq[Item]) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		call := 0
		for item := range items {
			line, err := append(bytes.ToUpper(item.Text), '\n'), item.Err
			if bytes.HasPrefix(item.Text, []byte("x")) {
				line, err = nil, errors.New("bad item")
			}
			if !yield(Result{Call: call, Line: line}, err) {
				return
			}
			call++
		}
	}
}

// do runs a job over an input, and returns what it printed and reported.
func do(t *testing.T, job Job, input string) (printed, reported string, err error) {
	t.Helper()
	var out, failed strings.Builder
	job.In, job.Out, job.End = strings.NewReader(input), &out, '\n'
	job.Failed = func(e LineError) { fmt.Fprintln(&failed, e) }
	if job.Call == nil {
		job.Call = upper
	}
	err = job.Run(t.Context())
	return out.String(), failed.String(), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		halt              string
		input             string
		printed, reported string
		err               string
	}{
		{"1", "", "", "", ""},
		{"1", "a\nb", "A\nB\n", "", ""},
		{"1", "a\nx\nb\n", "A\n", "", "line 2: bad item"},
		{"2", "a\nx\nb\nx\nc\n", "A\nB\n", "line 2: bad item\n", "line 4: bad item"},
		{"2", "a\nx\nb\n", "A\nB\n", "line 2: bad item\n", "items failed"},
		{"never", "x\nx\nb\n", "B\n", "line 1: bad item\nline 2: bad item\n", "items failed"},
		{"soon,fail=1", "a\nx\nb\n", "A\n", "", "line 2: bad item"},
	} {
		var job Job
		require.NoError(t, job.Halt.Set(test.halt))
		printed, reported, err := do(t, job, test.input)
		require.Equal(t, test.printed, printed)
		require.Equal(t, test.reported, reported)
		if test.err == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, test.err)
		}
	}
}

// What is under way when a failure ends the reading is printed, and failures
// among it are reported.
func TestHaltSoonWaits(t *testing.T) {
	t.Parallel()
	together := func(ctx context.Context, items iter.Seq[Item]) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			next, stop := iter.Pull(items)
			defer stop()
			for call := range 4 {
				item, ok := next()
				require.True(t, ok)
				require.Equal(t, fmt.Sprint(call), string(item.Text))
			}
			for call, err := range []error{nil, errors.New("first"), errors.New("second"), nil} {
				yield(Result{Call: call, Line: []byte("printed\n")[:8*boolInt(err == nil)]}, err)
			}
			_, ok := next()
			require.False(t, ok, "nothing more is read")
		}
	}
	printed, reported, err := do(t, Job{Halt: Halt{Soon: true}, Call: together}, "0\n1\n2\n3\n4\n")
	require.EqualError(t, err, "line 2: first")
	require.Equal(t, "printed\nprinted\n", printed)
	require.Equal(t, "line 3: second\n", reported)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// concurrent calls a func with each item on a goroutine of its own, until it is left.
func concurrent(call func(item string) (string, error)) func(context.Context, iter.Seq[Item]) iter.Seq2[Result, error] {
	return func(ctx context.Context, items iter.Seq[Item]) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			type done struct {
				Result
				err error
			}
			left, cancel := context.WithCancel(ctx)
			defer cancel()
			results := make(chan done)
			var calls sync.WaitGroup
			calls.Go(func() {
				n := 0
				for item := range items {
					result, text := Result{Call: n, Task: codec.ID{Client: "c", N: uint64(n)}}, string(item.Text)
					n++
					calls.Go(func() {
						line, err := call(text)
						if err == nil {
							result.Line = []byte(line + "\n")
						}
						select {
						case results <- done{result, err}:
						case <-left.Done():
						}
					})
				}
			})
			go func() {
				calls.Wait()
				close(results)
			}()
			for {
				select {
				case r, ok := <-results:
					if !ok || !yield(r.Result, r.err) {
						return
					}
				case <-left.Done():
					yield(Result{Call: -1}, left.Err())
					return
				}
			}
		}
	}
}

// While the first item is slow, so many are read as the window has room for, and no more.
func TestSlowFirstItem(t *testing.T) {
	t.Parallel()
	const items = MaxItems + 5000
	input := "slow\n" + strings.Repeat("x\n", items)
	var read, ended atomic.Int64
	gate := make(chan struct{})
	var out strings.Builder
	job := Job{In: strings.NewReader(input), End: '\n', Out: &out, Call: concurrent(func(item string) (string, error) {
		read.Add(1)
		if item == "slow" {
			<-gate
		}
		ended.Add(1)
		return item, nil
	})}
	result := make(chan error, 1)
	go func() { result <- job.Run(t.Context()) }()
	require.Eventually(t, func() bool { return ended.Load() == MaxItems-1 }, time.Minute, time.Millisecond)
	require.EqualValues(t, MaxItems, read.Load())
	close(gate)
	require.NoError(t, <-result)
	require.Equal(t, input, out.String())
}

// A failure ends a run, and its record is in the job log, though nobody reads the
// results before it.
func TestHaltsThoughNobodyReads(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	cancelled := make(chan codec.ID, 1)
	release := make(chan struct{})
	var before sync.WaitGroup
	before.Add(2)
	job := Job{
		In: strings.NewReader("a\nb\nbad\nslow\n"), End: '\n', Out: w,
		Cancel: func(after codec.ID) { cancelled <- after; close(release) },
		Call: concurrent(func(item string) (string, error) {
			switch item {
			case "bad":
				before.Wait()
				return "", errors.New("bad item")
			case "slow":
				<-release
				return "", codec.ErrCancelled
			}
			before.Done()
			return strings.Repeat(item, 2*maxBatch), nil
		}),
	}
	result := make(chan error, 1)
	go func() { result <- job.Run(t.Context()) }()
	require.Equal(t, codec.ID{Client: "c", N: 2}, <-cancelled) // before anybody reads
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	require.EqualError(t, <-result, "line 3: bad item")
	require.NoError(t, w.Close())
	require.Equal(t, strings.Repeat("a", 2*maxBatch)+"\n"+strings.Repeat("b", 2*maxBatch)+"\n", <-text)
}

// A failure is in the job log when it has happened, not when its turn to be printed comes.
func TestFailureIsLoggedBeforeItsTurn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	log, err := joblog.Create(file)
	require.NoError(t, err)
	defer log.Close()
	gate := make(chan struct{})
	result := make(chan error, 1)
	job := Job{
		In: strings.NewReader("slow\nbad\n"), End: '\n', Out: io.Discard, Log: log, Func: "f",
		Halt: Halt{Never: true}, Failed: func(LineError) {},
		Call: concurrent(func(item string) (string, error) {
			if item == "bad" {
				return "", errors.New("bad item")
			}
			<-gate
			return item, nil
		}),
	}
	go func() { result <- job.Run(t.Context()) }()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\n2\t")
	}, time.Minute, time.Millisecond)
	close(gate)
	require.ErrorIs(t, <-result, ErrFailed)
}

// An error that is of no item ends the run.
func TestCallFails(t *testing.T) {
	t.Parallel()
	down := errors.New("broker is down")
	for _, call := range []int{-1, 0, 7} {
		_, reported, err := do(t, Job{Halt: Halt{Never: true}, Call: func(context.Context, iter.Seq[Item]) iter.Seq2[Result, error] {
			return func(yield func(Result, error) bool) { yield(Result{Call: call}, down) }
		}}, "a\n")
		require.EqualError(t, err, "broker is down")
		require.ErrorIs(t, err, down)
		require.Empty(t, reported)
	}
}

func TestReadingFails(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	broken := errors.New("broken")
	go func() {
		_, _ = io.WriteString(w, "a\n")
		w.CloseWithError(broken)
	}()
	var out strings.Builder
	job := Job{In: r, End: '\n', Out: &out, Call: upper}
	require.ErrorIs(t, job.Run(t.Context()), broken)
	require.Equal(t, "A\n", out.String())
}

func TestStop(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer w.Close()
	stop := make(chan struct{})
	printed := make(chan string, 1)
	job := Job{In: r, End: '\n', Out: chanWriter(printed), Call: upper, Stop: stop, Wait: func(int) { t.Error("there is nothing to wait for") }}
	result := make(chan error, 1)
	go func() { result <- job.Run(t.Context()) }()
	_, err := io.WriteString(w, "a\n")
	require.NoError(t, err)
	require.Equal(t, "A\n", <-printed)
	close(stop)
	require.ErrorIs(t, <-result, ErrInterrupted)
}

// An interrupt that also ends the writer of the input leaves no half of an item.
func TestStopWithinItem(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	stop := make(chan struct{})
	printed := make(chan string, 1)
	job := Job{In: r, End: '\n', Out: chanWriter(printed), Call: upper, Stop: stop, Wait: func(int) {}}
	result := make(chan error, 1)
	go func() { result <- job.Run(t.Context()) }()
	_, err := io.WriteString(w, "a\nb")
	require.NoError(t, err)
	require.Equal(t, "A\n", <-printed)
	close(stop)
	require.NoError(t, w.Close())
	require.ErrorIs(t, <-result, ErrInterrupted)
	require.Empty(t, printed)
}

type chanWriter chan string

func (c chanWriter) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}

// Whatever ends a run, the next with its log does what is missing, once.
func TestResume(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	log, err := joblog.Create(file)
	require.NoError(t, err)
	printed, _, err := do(t, Job{Log: log, Func: "f"}, "a\nb\nx\nc\n")
	require.EqualError(t, err, "line 3: bad item")
	require.Equal(t, "A\nB\n", printed)
	require.NoError(t, log.Close())

	resume := func(input string) (string, error) {
		log, done, err := joblog.Resume(file, "f")
		require.NoError(t, err)
		defer log.Close()
		printed, _, err := do(t, Job{Log: log, Done: done, Func: "f", Halt: Halt{Never: true}}, input)
		return printed, err
	}
	printed, err = resume("a\nb\nx\nc\n")
	require.ErrorIs(t, err, ErrFailed)
	require.Equal(t, "C\n", printed)
	printed, err = resume("a\nb\nd\nc\n")
	require.NoError(t, err)
	require.Equal(t, "D\n", printed, "what has failed may be changed")
	printed, err = resume("a\nb\nd\nc\n")
	require.NoError(t, err)
	require.Empty(t, printed)
	_, err = resume("a\nB\nd\nc\n")
	require.ErrorIs(t, err, joblog.ErrChanged)
	require.ErrorContains(t, err, "item 2")
	_, err = resume("a\nb\n")
	require.ErrorIs(t, err, joblog.ErrChanged)
	require.ErrorContains(t, err, "after 2 items, before item 3")
}

// Few items are under way while nothing is known of their results, and what is
// under way or not printed stays within its bounds; but there is always room for one.
func TestWindow(t *testing.T) {
	t.Parallel()
	w := newWindow(maxBytes, 1<<20)
	fill := func(size int) int {
		n := 0
		for ; w.fits(size); n++ {
			w.add(entry{size: size})
		}
		for call := range w.calls {
			w.end(call, 10)
		}
		w.printed(n, n*10)
		return n
	}
	require.InDelta(t, maxBytes/firstResult, fill(10), 2)
	require.Greater(t, fill(10_000), 1_000, "results are small")
	require.Equal(t, 1, fill(maxBytes))
	require.Zero(t, w.underWay())
	require.Zero(t, w.items)
	require.Zero(t, w.bytes)
	_, ok := w.end(-1, 0)
	require.False(t, ok)

	w.add(entry{size: maxBytes})
	closed := make(chan struct{})
	close(closed)
	<-w.room
	require.False(t, w.wait(1, closed, nil))
	require.False(t, w.wait(1, nil, closed))
	w.end(w.added-1, 0)
	require.True(t, w.wait(1, nil, nil))
}

// A result that waits to be printed takes its room, in items and in bytes.
func TestWindowCountsWhatIsNotPrinted(t *testing.T) {
	t.Parallel()
	w := newWindow(maxBytes, 3)
	for range 3 {
		w.add(entry{size: 1})
	}
	w.end(1, 5)
	w.end(2, 5)
	require.False(t, w.fits(1), "three items are not printed")
	w.printed(1, 5)
	require.True(t, w.fits(1))

	w = newWindow(maxBytes, 1<<20)
	w.add(entry{size: 1})
	w.add(entry{size: 1})
	w.end(1, maxBytes)
	require.False(t, w.fits(1), "a large result is not printed")
	w.printed(1, maxBytes)
	w.result = maxBytes
	require.False(t, w.fits(1), "the one under way may be as large")
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var tally tally
	tally.items.Store(300)
	tally.bytes.Store(6_000)
	tally.skipped.Store(3_000)
	require.Equal(t, "300 done, 100/s, 4s left", tally.describe(10_000, 3*time.Second))
	require.Equal(t, "300 done, 100/s", tally.describe(-1, 3*time.Second))
	tally.failed.Store(2)
	require.Equal(t, "300 done, 2 failed, 100/s", tally.describe(-1, 3*time.Second))

	var p *Progress
	called := false
	p.Around(func() { called = true })
	p.Close()
	require.True(t, called)
}
