package conformance

import (
	"fmt"
	"iter"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// upTo counts from 0 to below n.
func upTo[T int | uint64](n T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := T(0); i < n; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

func join(x, y uint64) pair { return pair{x, y} }

// counting counts what is read of a sequence.
func counting[T any](seq iter.Seq[T], read *int) iter.Seq[T] {
	return func(yield func(T) bool) {
		for value := range seq {
			*read++
			if !yield(value) {
				return
			}
		}
	}
}

// values returns jobs that return their index.
func values(n int) iter.Seq[job] {
	return func(yield func(job) bool) {
		for i := range upTo(n) {
			if !yield(job{Value: i}) {
				return
			}
		}
	}
}

// sayWhen returns jobs, and panics instead of one.
func sayWhen(total, when int) iter.Seq[job] {
	return func(yield func(job) bool) {
		for i := range total {
			if i == when {
				panic("say when")
			}
			if !yield(job{Value: i}) {
				return
			}
		}
	}
}

// marking returns jobs that return their index, and the files that those from an
// index on make when they run.
func (s *scene) marking(n, from int) (jobs []job, marks []string) {
	s.marked++
	for i := range n {
		j := job{Value: i}
		if i >= from {
			j.Mark = filepath.Join(s.dir, fmt.Sprint("mark", s.marked, "-", i))
			marks = append(marks, j.Mark)
		}
		jobs = append(jobs, j)
	}
	return jobs, marks
}

// late returns jobs, those from an index on when rest is called, which returns when
// all have been read: for a Map that is to have calls that wait.
func (s *scene) late(jobs []job, from int) (args iter.Seq[job], rest func()) {
	more, given := make(chan struct{}), make(chan struct{})
	args = func(yield func(job) bool) {
		defer close(given)
		for i, j := range jobs {
			if i == from {
				select {
				case <-more:
				case <-s.ctx.Done():
				}
			}
			if !yield(j) {
				return
			}
		}
	}
	return args, func() {
		s.Helper()
		close(more)
		s.wait(given, "the arguments are not read")
	}
}

// requireNeverRun requires that a Map has cancelled the calls that wait behind a
// task in a pool of one process. The request to stop that task follows theirs, so
// that they are known to the process when it could go on with them.
func (s *scene) requireNeverRun(busy *future, marks []string) {
	s.Helper()
	require.Equal(s, 1, s.client.Pending(), "what waits is not cancelled")
	require.True(s, cancels(s, busy.Kill))
	s.settle()
	requireNone(s, marks)
}

// settle runs tasks one by one, before which everything would run that was
// submitted before.
func (s *scene) settle() {
	s.Helper()
	for i := range 20 {
		require.Equal(s, outcome{i, nil}, resultOf(s.ctx, s.submit(job{Value: i})))
	}
}

func requireNone(t testing.TB, files []string) {
	t.Helper()
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoFileExists(t, file)
	}
}

func requireAll(t testing.TB, files []string) {
	t.Helper()
	require.NotEmpty(t, files)
	for _, file := range files {
		require.FileExists(t, file)
	}
}

// requireNext requires the next result of a Map.
func requireNext(t testing.TB, next func() (int, error, bool), want int) {
	t.Helper()
	got, err, ok := next()
	require.True(t, ok)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func requireNextError(t testing.TB, next func() (int, error, bool), message string) {
	t.Helper()
	_, err, ok := next()
	require.True(t, ok)
	require.EqualError(t, err, message)
}

func requireNextIs(t testing.TB, next func() (int, error, bool), target error) {
	t.Helper()
	_, err, ok := next()
	require.True(t, ok)
	require.ErrorIs(t, err, target)
}

// requireEnd requires that a Map has ended for good.
func requireEnd(t testing.TB, next func() (int, error, bool)) {
	t.Helper()
	for range 3 {
		got, err, ok := next()
		require.False(t, ok)
		require.NoError(t, err)
		require.Zero(t, got)
	}
}
