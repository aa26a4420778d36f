package producer_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// inStates returns futures in the states named.
func inStates(t *testing.T, broker *fake, names ...string) (*producer.Client, []*future) {
	t.Helper()
	c := connect(t, broker)
	fs := submitN(t, c, len(names))
	for i, name := range names {
		bring[name](broker, fs[i].ID(), fs[i].Cancel)
	}
	return c, fs
}

// at picks futures by index.
func at(fs []*future, indices ...int) (picked []*future) {
	for _, i := range indices {
		picked = append(picked, fs[i])
	}
	return picked
}

// W1, W3, W5, W9: what holds already is told at once, each future once and in the
// order given; a cancelled future is done, but has not failed.
func TestWaitWhatHolds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode   producer.Mode
		states []string
		given  []int
		done   []int
	}{
		{producer.AllCompleted, []string{"succeeded", "failed", "cancelled"}, []int{2, 0, 1}, []int{2, 0, 1}},
		{producer.AllCompleted, []string{"succeeded"}, []int{0, 0, 0}, []int{0}},
		{producer.FirstCompleted, []string{"pending", "succeeded", "running", "cancelled"}, []int{0, 1, 2, 3}, []int{1, 3}},
		{producer.FirstCompleted, []string{"cancelled", "pending"}, []int{0, 1}, []int{0}},
		{producer.FirstError, []string{"pending", "failed", "succeeded"}, []int{0, 1, 2}, []int{1, 2}},
		{producer.FirstError, []string{"succeeded", "cancelled"}, []int{0, 1}, []int{0, 1}},
		{producer.FirstCompleted, nil, nil, nil},
		{producer.FirstError, nil, nil, nil},
		{producer.AllCompleted, nil, nil, nil},
	} {
		_, fs := inStates(t, &fake{}, test.states...)
		given := at(fs, test.given...)
		done, pending, err := producer.Wait(t.Context(), test.mode, given...)
		require.NoError(t, err)
		require.Equal(t, at(fs, test.done...), done)
		require.Len(t, pending, len(fs)-len(done))
	}
}

// W2, W4, W6: what has to be waited for.
func TestWait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode  producer.Mode
		steps []string // one a second, of a future each
		until time.Duration
		done  []int
	}{
		"first completed":                {producer.FirstCompleted, []string{"failed", "succeeded", "pending"}, time.Second, []int{0}},
		"first completed is cancelled":   {producer.FirstCompleted, []string{"cancelled", "succeeded", "pending"}, time.Second, []int{0}},
		"first error":                    {producer.FirstError, []string{"succeeded", "failed", "pending"}, 2 * time.Second, []int{0, 1}},
		"first error is no cancellation": {producer.FirstError, []string{"cancelled", "failed", "pending"}, 2 * time.Second, []int{0, 1}},
		"first error with none":          {producer.FirstError, []string{"cancelled", "succeeded", "succeeded"}, 3 * time.Second, []int{0, 1, 2}},
		"all":                            {producer.AllCompleted, []string{"cancelled", "failed", "succeeded"}, 3 * time.Second, []int{0, 1, 2}},
		"all, in time":                   {producer.AllCompleted, []string{"failed", "running", "succeeded"}, 10 * time.Second, []int{0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broker := &fake{}
				fs := submitN(t, connect(t, broker), len(test.steps))
				go func() {
					for i, step := range test.steps {
						time.Sleep(time.Second)
						bring[step](broker, fs[i].ID(), fs[i].Cancel)
					}
				}()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				done, pending, err := producer.Wait(ctx, test.mode, fs...)
				require.NoError(t, err)
				require.Equal(t, test.until, time.Since(began))
				require.Equal(t, at(fs, test.done...), done)
				require.Len(t, pending, len(fs)-len(done))
				time.Sleep(5 * time.Second)
			})
		})
	}
}

// A result that does not decode is an error like any other.
func TestWaitFirstErrorDecodes(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	fs := submitN(t, connect(t, broker), 2)
	broker.succeed(fs[1].ID(), "text")
	done, _, err := producer.Wait(t.Context(), producer.FirstError, fs...)
	require.NoError(t, err)
	require.Equal(t, at(fs, 1), done)
}

// W9: an ended context is a look; an unknown mode is always an error.
func TestWaitLooks(t *testing.T) {
	t.Parallel()
	_, fs := inStates(t, &fake{}, "succeeded", "pending", "failed")
	for _, mode := range []producer.Mode{producer.FirstCompleted, producer.FirstError, producer.AllCompleted} {
		done, pending, err := producer.Wait(ended, mode, fs...)
		require.NoError(t, err)
		require.Equal(t, at(fs, 0, 2), done)
		require.Equal(t, at(fs, 1), pending)
	}
	for _, mode := range []producer.Mode{0, 4, -1} {
		_, _, err := producer.Wait(t.Context(), mode, fs...)
		require.ErrorIs(t, err, producer.ErrOption)
		_, _, err = producer.Wait[*future](t.Context(), mode)
		require.ErrorIs(t, err, producer.ErrOption)
	}
}

// Futures of several types and several clients may be mixed.
func TestWaitMixed(t *testing.T) {
	t.Parallel()
	one, other := &fake{}, &fake{}
	f := submit(t, connect(t, one), 1)
	g, err := producer.Submit(t.Context(), connect(t, other), codec.NewFunc[int, string]("text"), 1)
	require.NoError(t, err)
	one.succeed(f.ID(), 1)
	other.succeed(g.ID(), "1")
	done, pending, err := producer.Wait[producer.Awaitable](t.Context(), producer.AllCompleted, f, g)
	require.NoError(t, err)
	require.Equal(t, []producer.Awaitable{f, g}, done)
	require.Empty(t, pending)
}

// Many futures done at the same instant as the wait begins: none is missed.
func TestWaitMissesNone(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	for range 20 {
		fs := submitN(t, c, 100)
		for _, f := range fs {
			go broker.succeed(f.ID(), 1)
		}
		done, _, err := producer.Wait(t.Context(), producer.AllCompleted, fs...)
		require.NoError(t, err)
		require.Len(t, done, 100)
	}
}

// W11: what is done comes first, then the others as they are done, each once.
func TestAsCompleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		_, fs := inStates(t, broker, "pending", "cancelled", "running", "failed", "pending")
		go func() {
			for _, i := range []int{2, 4, 0} {
				time.Sleep(time.Second)
				broker.succeed(fs[i].ID(), i)
			}
		}()
		var seen []*future
		for f, err := range producer.AsCompleted(t.Context(), slices.Values(append(fs, fs...))) {
			require.NoError(t, err)
			require.True(t, f.State().Done())
			seen = append(seen, f)
		}
		require.Equal(t, at(fs, 1, 3, 2, 4, 0), seen)
	})
}

// W13: the error says how many are not done, after all that are.
func TestAsCompletedEnds(t *testing.T) {
	t.Parallel()
	_, fs := inStates(t, &fake{}, "pending", "succeeded", "running", "failed")
	var seen []*future
	var errs []error
	for f, err := range producer.AsCompleted(ended, slices.Values(fs)) {
		if err != nil {
			require.Nil(t, f)
			errs = append(errs, err)
			continue
		}
		require.Empty(t, errs)
		seen = append(seen, f)
	}
	require.Equal(t, at(fs, 1, 3), seen)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.Canceled)
	require.ErrorContains(t, errs[0], "2 (of 4) futures unfinished")
	var unfinished *producer.UnfinishedError
	require.ErrorAs(t, errs[0], &unfinished)
	require.Equal(t, 2, unfinished.Unfinished)
	require.Equal(t, 4, unfinished.Total)
}

// W14: what was yielded is the caller's alone.
func TestAsCompletedKeepsNothing(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	futures := func(yield func(*future) bool) {
		for i := range 3 {
			f := submit(t, c, i)
			if i < 2 {
				broker.succeed(f.ID(), i)
			}
			if !yield(f) {
				return
			}
		}
	}
	freed := make(chan struct{})
	first := true
	for f := range producer.AsCompleted(t.Context(), futures) {
		if first {
			first = false
			runtime.AddCleanup(f, func(struct{}) { close(freed) }, struct{}{})
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

// W17: leaving early cancels nothing and leaves nobody waiting.
func TestAsCompletedLeft(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	_, fs := inStates(t, broker, "succeeded", "pending", "pending")
	for range producer.AsCompleted(t.Context(), slices.Values(fs)) {
		break
	}
	require.Equal(t, producer.Pending, fs[1].State())
	broker.succeed(fs[1].ID(), 7)
	n, err := fs[1].Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, 7, n)
}
