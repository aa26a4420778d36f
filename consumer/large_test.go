package consumer

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/scoreboard"
)

const large = 1 << 20

// fileOf returns a file with an encoded value.
func fileOf(t testing.TB, value any) *os.File {
	data, err := codec.AppendValue(nil, value)
	require.NoError(t, err)
	file, err := scoreboard.SharedMemory("value", int64(len(data)))
	require.NoError(t, err)
	_, err = file.WriteAt(data, 0)
	require.NoError(t, err)
	return file
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

func TestLargeArgumentComesAsAFile(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes())
	s.give(1, append(fetching("a", "b"), call("size", []byte("small")))...)
	for i, object := range []string{"a", "b"} {
		asked := s.request(link.KindFetch).value
		require.Equal(t, link.Value{Task: uint64(i) + 1, Run: 1, Index: uint64(i), Text: object}, asked)
		s.answer(link.Value{Task: asked.Task}, fileOf(t, make([]byte, large+i)))
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
	fails := func(code codec.Code, text string, answer link.Value, file *os.File) {
		t.Helper()
		run++
		s.give(run, fetching("object")...)
		answer.Task = s.request(link.KindFetch).value.Task
		s.answer(answer, file)
		require.Contains(t, requireFailure(t, code, s.outcome(run)).Message, text)
	}
	fails(codec.CodeArgumentLost, "it is gone", link.Value{Code: string(codec.CodeArgumentLost), Text: "it is gone"}, nil)
	fails(codec.CodeArgument, "no store", link.Value{Code: string(codec.CodeArgument), Text: "no store"}, nil)
	fails(codec.CodeArgument, "without its file", link.Value{}, nil)
	fails(codec.CodeArgument, "at most", link.Value{}, fileOf(t, make([]byte, large)))
	empty, requireClosed := watched(t)
	fails(codec.CodeArgument, "", link.Value{}, empty)
	requireClosed()
	s.give(run+1, call("size", []byte("small")))
	requireValue(t, 5, s.outcome(run+1))
}

func TestTaskCanBeStoppedWhileItsArgumentIsFetched(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes())
	s.give(1, fetching("a", "b", "c", "d")...)
	for i, why := range []codec.Code{codec.CodeTimeLimit, codec.CodeCancelled} {
		require.Equal(t, uint64(i), s.request(link.KindFetch).value.Index)
		s.worker.Stop(1, i, why)
	}
	asked := s.request(link.KindFetch).value
	all, _ := s.outcomes(1, 2)
	requireFailure(t, codec.CodeTimeLimit, all[0])
	requireFailure(t, codec.CodeCancelled, all[1])

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
	s.answer(link.Value{Task: last.Task}, fileOf(t, make([]byte, large)))
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

func TestLargeResultGoesAsAFile(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes(), func(cfg *Config) { cfg.MaxMessage, cfg.MaxValue = 1000, large })
	s.give(1, calls("make", 10, 2000, 2*large, 3000, 20)...)
	stored := s.request(link.KindStore)
	require.Equal(t, link.Value{Task: 1, Run: 1, Index: 1}, stored.value)
	data, err := link.ReadFile(stored.file, large)
	require.NoError(t, err)
	value, err := codec.Value[[]byte](data)
	require.NoError(t, err)
	require.True(t, bytes.Equal(make([]byte, 2000), value))
	s.answer(link.Value{Task: 1, Text: "object"}, nil)

	refused := s.request(link.KindStore)
	require.Equal(t, uint64(3), refused.value.Index)
	require.NoError(t, refused.file.Close())
	s.answer(link.Value{Task: refused.value.Task, Code: string(codec.CodeResult), Text: "no store"}, nil)
	all, _ := s.outcomes(1, 5)
	requireValue(t, make([]byte, 10), all[0])
	require.Equal(t, link.StatusObject, all[1].Status)
	require.Equal(t, "object", string(all[1].Body))
	requireFailure(t, codec.CodeTooLarge, all[2])
	require.Equal(t, "no store", requireFailure(t, codec.CodeResult, all[3]).Message)
	requireValue(t, make([]byte, 20), all[4])
}

func TestTaskCanBeStoppedWhileItsResultIsStored(t *testing.T) {
	t.Parallel()
	s := serve(t, sizes(), func(cfg *Config) { cfg.MaxMessage = 1000 })
	s.give(1, calls("make", 2000, 2000)...)
	for i, why := range []codec.Code{codec.CodeTimeLimit, codec.CodeCancelled} {
		require.NoError(t, s.request(link.KindStore).file.Close())
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
			require.NoError(t, asked.file.Close())
			s.answer(link.Value{Task: asked.value.Task, Text: "object"}, nil)
		case got := <-s.ended:
			require.Equal(t, link.StatusObject, got.outcomes[0].Status)
			return
		case <-s.bound.Done():
			require.FailNow(t, "the result is not stored")
		}
	}
}
