package conformance

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/producer"
)

func TestAsCompleted(t *testing.T) {
	p := start(t, 2)

	// test_no_timeout and test_duplicate_futures: futures in every final state and
	// live ones are yielded once each, however often and by whatever they are given.
	t.Run("W11", func(t *testing.T) {
		s := newScene(t, p)
		first, second := s.gate(), s.gate()
		preset := futures(s.cancelled(), s.noticed(), s.failed(), s.succeeded())
		f1, f2 := s.submit(job{Gate: first, Value: 42}), s.submit(job{Gate: second, Fail: "failed"})
		var got []*future
		for f, err := range producer.AsCompleted(s.ctx, slices.Values(append(futures(f1, f2), preset...))) {
			require.NoError(t, err)
			require.True(t, f.State().Done())
			got = append(got, f)
			switch len(got) { // they are there already, then one by one
			case len(preset):
				s.open(second)
			case len(preset) + 1:
				s.open(first)
			}
		}
		requireSame(s, append(preset, f2, f1), got)

		gate := s.gate()
		f := s.submit(job{Gate: gate, Value: 42})
		thrice := func(yield func(*future) bool) {
			defer s.open(gate)
			for range 3 {
				if !yield(f) {
					return
				}
			}
		}
		got, err := collect(producer.AsCompleted(s.ctx, thrice))
		require.NoError(t, err)
		requireSame(s, futures(f), got)
	})

	// test_correct_timeout_exception_msg: after those that are done, the error says
	// how many are not.
	t.Run("W13", func(t *testing.T) {
		s := newScene(t, p)
		fs := futures(s.noticed(), s.pending(), s.running(), s.succeeded())
		expired, cancel := context.WithTimeout(s.ctx, 0)
		defer cancel()
		var got []*future
		var errs []error
		for f, err := range producer.AsCompleted(expired, slices.Values(fs)) {
			if err == nil {
				got = append(got, f)
				continue
			}
			require.Nil(t, f)
			errs = append(errs, err)
		}
		requireSame(s, futures(fs[0], fs[3]), got)
		require.Len(t, errs, 1)
		require.ErrorContains(t, errs[0], "2 (of 4) futures unfinished")
		require.ErrorIs(t, errs[0], context.DeadlineExceeded)
		var unfinished *producer.UnfinishedError
		require.ErrorAs(t, errs[0], &unfinished)
		require.Equal(t, 2, unfinished.Unfinished)
		require.Equal(t, 4, unfinished.Total)
	})

	// test_free_reference_yielded_future: nothing but the loop holds what was yielded.
	t.Run("W14", func(t *testing.T) {
		s := newScene(t, p)
		ids := map[weak.Pointer[future]]int{}
		var live []*future
		for i := range 8 {
			f := s.pending()
			live = append(live, f)
			ids[weak.Make(f)] = i
		}
		// take drops the future that was yielded and requires that it is gone.
		take := func(f *future) {
			for i := range live {
				if live[i] == f {
					live[i] = nil
				}
			}
			ref := weak.Make(f)
			f = nil
			requireFreed(s, ref)
		}
		live = append(live, s.cancelled(), s.succeeded())
		for f, err := range producer.AsCompleted(ended(), slices.Values(live)) {
			if err != nil {
				require.ErrorContains(t, err, "8 (of 10) futures unfinished")
				break
			}
			take(f)
		}
		require.Nil(t, live[8])
		require.Nil(t, live[9])

		live = live[:8]
		s.reply(withValue(live[0], 0))
		yielded := 0
		for f, err := range producer.AsCompleted(s.ctx, slices.Values(live)) {
			require.NoError(t, err)
			require.Equal(t, yielded, ids[weak.Make(f)])
			yielded++
			take(f)
			if yielded < len(live) {
				s.reply(withValue(live[yielded], yielded))
			}
		}
		require.Equal(t, 8, yielded)
	})

	// The documentation of Python: leaving the loop cancels nothing. Here it is a test:
	// nobody goes on waiting either, and the futures complete.
	t.Run("W17", func(t *testing.T) {
		s := newScene(t, p)
		gate := s.gate()
		live := futures(s.submit(job{Gate: gate, Value: 1}), s.submit(job{Gate: gate, Fail: "failed"}))
		s.cancelled() // the broker keeps the queue, with goroutines of its own
		before := goleak.IgnoreCurrent()
		var refs []weak.Pointer[future]
		for range 50 {
			// The second future that is done is never yielded; whoever still
			// waited for the live ones would hold it.
			done := futures(s.cancelled(), s.cancelled())
			for f, err := range producer.AsCompleted(s.ctx, slices.Values(append(done, live...))) {
				require.NoError(t, err)
				require.Same(t, done[0], f)
				break
			}
			refs = append(refs, weak.Make(done[1]))
		}
		for _, ref := range refs {
			requireFreed(s, ref)
		}
		// The embedded server may only now have begun to fetch what is due.
		fetching := goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).processAllSourceMsgs")
		require.NoError(t, goleak.Find(before, sourcing, fetching))
		for _, f := range live {
			require.False(t, f.State().Done())
		}
		s.open(gate)
		require.Equal(t, outcome{1, nil}, resultOf(s.ctx, live[0]))
		require.EqualError(t, live[1].Err(s.ctx), "failed")
	})
}

// collect returns what a sequence yields, and its errors.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for value, e := range seq {
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		all = append(all, value)
	}
	return all, err
}
