package consumer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
)

const large = 1 << 20

// send answers a request for an argument with an encoded value.
func (s *supervisor) send(task uint64, value any) {
	s.t.Helper()
	data, err := codec.AppendValue(nil, value)
	require.NoError(s.t, err)
	w := s.open(link.Value{Task: task, Size: uint64(len(data))})
	_, err = w.Write(data)
	require.NoError(s.t, errors.Join(err, w.Close()))
	s.answer(link.Value{Task: task}, nil)
}

// open answers a request for an argument with a pipe, and returns its other end.
func (s *supervisor) open(v link.Value) *os.File {
	s.t.Helper()
	theirs, ours, err := os.Pipe()
	require.NoError(s.t, err)
	s.answer(v, theirs)
	return ours
}

// read answers a request to store a result with a pipe, and returns what comes.
func (s *supervisor) read(asked link.Value) []byte {
	s.t.Helper()
	ours, theirs, err := os.Pipe()
	require.NoError(s.t, err)
	s.answer(link.Value{Task: asked.Task}, theirs)
	require.NoError(s.t, ours.SetDeadline(time.Now().Add(patience)))
	data := make([]byte, asked.Size)
	_, err = io.ReadFull(ours, data)
	require.NoError(s.t, err)
	rest, err := io.ReadAll(ours)
	require.NoError(s.t, errors.Join(err, ours.Close()))
	require.Empty(s.t, rest)
	return data
}

// watched returns a file, and what waits until every copy of it is closed.
func watched(t testing.TB) (file *os.File, requireClosed func()) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return w, func() {
		t.Helper()
		require.NoError(t, r.SetReadDeadline(time.Now().Add(patience)))
		_, err := io.ReadAll(r)
		require.NoError(t, err, "the file is still open")
	}
}

// sizes has the handlers "size", of its argument, and "make", a result of a size.
func sizes() functions {
	f := functions{}
	handle(f, "size", func(_ context.Context, arg []byte) (int, error) { return len(arg), nil })
	handle(f, "make", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
	return f
}

func fetching(objects ...string) (all []codec.Task) {
	for _, object := range objects {
		all = append(all, codec.Task{Func: "size", Object: object})
	}
	return all
}

func TestLargeArgumentComesThroughAPipe(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes())
	s.give(1, append(fetching("a", "b"), call("size", []byte("small")))...)
	for i, object := range []string{"a", "b"} {
		asked := s.request(link.KindFetch).value
		require.Equal(t, link.Value{Task: uint64(i) + 1, Run: 1, Index: uint64(i), Text: object}, asked)
		s.send(asked.Task, make([]byte, large+i))
	}
	all, _ := s.outcomes(1, 3)
	requireValue(t, large, all[0])
	requireValue(t, large+1, all[1])
	requireValue(t, 5, all[2])
	s.drain()
	s.leaves(LeavingDrained)
}

func TestLargeArgumentThatDoesNotComeIsAFailure(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes(), func(cfg *Config) { cfg.MaxValue = large })
	run := uint64(0)
	fails := func(code codec.Code, text string, answers ...func(task uint64)) {
		t.Helper()
		run++
		s.give(run, fetching("object")...)
		task := s.request(link.KindFetch).value.Task
		for _, answer := range answers {
			answer(task)
		}
		require.Contains(t, requireFailure(t, code, s.outcome(run)).Message, text)
	}
	last := func(v link.Value) func(uint64) {
		return func(task uint64) {
			v.Task = task
			s.answer(v, nil)
		}
	}
	cut := func(task uint64) {
		w := s.open(link.Value{Task: task, Size: large})
		_, err := w.Write(make([]byte, 1000))
		require.NoError(t, errors.Join(err, w.Close()))
	}
	fails(codec.CodeArgumentLost, "it is gone", last(link.Value{Code: string(codec.CodeArgumentLost), Text: "it is gone"}))
	fails(codec.CodeArgument, "no store", last(link.Value{Code: string(codec.CodeArgument), Text: "no store"}))
	fails(codec.CodeArgument, "without its content", last(link.Value{}))
	fails(codec.CodeArgument, "unexpected EOF", cut, last(link.Value{}))
	fails(codec.CodeArgument, "the digest is wrong", cut, last(link.Value{Code: string(codec.CodeArgument), Text: "the digest is wrong"}))
	pipe, requireClosed := watched(t)
	fails(codec.CodeArgument, "at most", func(task uint64) { s.answer(link.Value{Task: task, Size: large + 1}, pipe) }, last(link.Value{}))
	requireClosed()
	s.give(run+1, call("size", []byte("small")))
	requireValue(t, 5, s.outcome(run+1))
}

func TestTaskCanBeStoppedWhileItsArgumentIsFetched(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes())
	s.give(1, fetching("a", "b", "c", "d")...)
	var pipes []*os.File
	for i, why := range []codec.Code{codec.CodeTimeLimit, codec.CodeCancelled} {
		asked := s.request(link.KindFetch).value
		require.Equal(t, uint64(i), asked.Index)
		if i == 1 { // which has begun to come
			w := s.open(link.Value{Task: asked.Task, Size: large})
			_, err := w.Write(make([]byte, 1000))
			require.NoError(t, err)
			pipes = append(pipes, w)
		}
		s.worker.Stop(1, i, why)
	}
	asked := s.request(link.KindFetch).value
	all, _ := s.outcomes(1, 2)
	requireFailure(t, codec.CodeTimeLimit, all[0])
	requireFailure(t, codec.CodeCancelled, all[1])
	for _, w := range pipes {
		_, err := w.Write(make([]byte, 1000))
		require.ErrorIs(t, err, syscall.EPIPE, "the task's end is closed")
		require.NoError(t, w.Close())
	}

	s.worker.running.mu.Lock()
	running := s.worker.running.task
	s.worker.running.mu.Unlock()
	running.end(endDeadline) // as its timer does
	require.Contains(t, requireFailure(t, codec.CodeExpired, s.outcome(1)).Message, "fetched")

	// Its answer is late, as is one that comes twice.
	last := s.request(link.KindFetch).value
	late, requireClosed := watched(t)
	s.answer(link.Value{Task: asked.Task}, late)
	requireClosed()
	s.send(last.Task, make([]byte, large))
	requireValue(t, large, s.outcome(1))
	late, requireClosed = watched(t)
	s.answer(link.Value{Task: last.Task}, late)
	requireClosed()
	s.drain()
	s.leaves(LeavingDrained)
}

func TestAnswerThatDoesNotReadIsClosed(t *testing.T) {
	t.Parallel()
	w, err := New(Config{})
	require.NoError(t, err)
	file, requireClosed := watched(t)
	require.ErrorIs(t, w.take(link.Frame{Kind: link.KindValue, File: file}), link.ErrProtocol)
	requireClosed()
}

func TestLargeResultGoesThroughAPipe(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes(), func(cfg *Config) { cfg.MaxMessage, cfg.MaxValue = 1000, large })
	s.give(1, calls("make", 10, 2000, 2*large, large-100, 20)...)
	stored := s.request(link.KindStore).value
	require.Equal(t, link.Value{Task: 1, Run: 1, Index: 1, Size: 2003}, stored)
	value, err := codec.Value[[]byte](s.read(stored))
	require.NoError(t, err)
	require.True(t, bytes.Equal(make([]byte, 2000), value))
	s.answer(link.Value{Task: 1, Text: "object"}, nil)

	refused := s.request(link.KindStore).value
	require.Equal(t, uint64(3), refused.Index)
	s.answer(link.Value{Task: refused.Task, Code: string(codec.CodeResult), Text: "no store"}, nil)
	all, _ := s.outcomes(1, 5)
	requireValue(t, make([]byte, 10), all[0])
	require.Equal(t, link.StatusObject, all[1].Status)
	require.Equal(t, "object", string(all[1].Body))
	requireFailure(t, codec.CodeTooLarge, all[2])
	require.Equal(t, "no store", requireFailure(t, codec.CodeResult, all[3]).Message)
	requireValue(t, make([]byte, 20), all[4])
}

// The supervisor begins again where the broker was away, however often.
func TestLargeResultGoesAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes(), func(cfg *Config) { cfg.MaxMessage = 1000 })
	s.give(1, calls("make", large)...)
	asked := s.request(link.KindStore).value
	for range 10 {
		ours, theirs, err := os.Pipe()
		require.NoError(t, err)
		s.answer(link.Value{Task: asked.Task}, theirs)
		require.NoError(t, ours.SetDeadline(time.Now().Add(patience)))
		_, err = io.ReadFull(ours, make([]byte, 100<<10))
		require.NoError(t, errors.Join(err, ours.Close()))
	}
	value, err := codec.Value[[]byte](s.read(asked))
	require.NoError(t, err)
	require.True(t, bytes.Equal(make([]byte, large), value))
	s.answer(link.Value{Task: asked.Task, Text: "object"}, nil)
	require.Equal(t, link.StatusObject, s.outcome(1).Status)
}

// Of pipes that come faster than they are used the latest stands.
func TestPipesThatWereGivenUpAreClosed(t *testing.T) {
	t.Parallel()
	v := &values{answers: make(chan value, 2), number: 1}
	payload := link.AppendValue(nil, &link.Value{Task: 1})
	var closed []func()
	for range 4 {
		pipe, requireClosed := watched(t)
		require.NoError(t, v.answer(link.Frame{Kind: link.KindValue, Payload: payload, File: pipe}))
		closed = append(closed, requireClosed)
	}
	require.NoError(t, v.answer(link.Frame{Kind: link.KindValue, Payload: payload}))
	for _, requireClosed := range closed[:3] {
		requireClosed()
	}
	require.NotNil(t, (<-v.answers).pipe)
	require.Nil(t, (<-v.answers).pipe, "the last answer")

	pipe, requireClosed := watched(t)
	require.NoError(t, v.answer(link.Frame{Kind: link.KindValue, Payload: payload, File: pipe}))
	v.forget()
	requireClosed()
}

func TestTaskCanBeStoppedWhileItsResultIsStored(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes(), func(cfg *Config) { cfg.MaxMessage = 1000 })
	s.give(1, calls("make", 2000, large)...)
	for i, why := range []codec.Code{codec.CodeTimeLimit, codec.CodeCancelled} {
		asked := s.request(link.KindStore).value
		if i == 1 { // which the supervisor has begun to read
			ours, theirs, err := os.Pipe()
			require.NoError(t, err)
			defer ours.Close()
			s.answer(link.Value{Task: asked.Task}, theirs)
			_, err = io.ReadFull(ours, make([]byte, 1000))
			require.NoError(t, err)
		}
		s.worker.Stop(1, i, why)
	}
	all, _ := s.outcomes(1, 2)
	requireFailure(t, codec.CodeTimeLimit, all[0])
	requireFailure(t, codec.CodeCancelled, all[1])
}

// A deadline is no reason to lose a result.
func TestResultIsStoredAfterTheDeadline(t *testing.T) {
	t.Parallel()
	f := functions{}
	handle(f, "late", func(ctx context.Context, n int) ([]byte, error) {
		task, _ := ctx.Value(taskKey{}).(*taskContext)
		task.end(endDeadline) // as its timer does
		return make([]byte, n), nil
	})
	s := serve(t, f, func(cfg *Config) { cfg.MaxMessage = 1000 })
	s.give(1, calls("late", 2000)...)
	for {
		select {
		case asked := <-s.requests: // again, if the first ended with the deadline
			s.answer(link.Value{Task: asked.value.Task, Text: "object"}, nil)
		case got := <-s.ended:
			require.Equal(t, link.StatusObject, got.outcomes[0].Status)
			return
		case <-s.bound.Done():
			require.FailNow(t, "the result is not stored")
		}
	}
}
