package consumer

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
)

func TestTasksOfARunRunInOrder(t *testing.T) {
	t.Parallel()
	f := functions{}
	var order []int
	handle(f, "note", func(_ context.Context, n int) (string, error) {
		order = append(order, n)
		return fmt.Sprint("task ", n), nil
	})
	s := serve(t, f)
	before := time.Now()
	s.give(1, calls("note", 4, 2, 3, 1, 5)...)
	all, _ := s.outcomes(1, 5)
	after := time.Now()
	for i, n := range []int{4, 2, 3, 1, 5} {
		requireValue(t, fmt.Sprint("task ", n), all[i])
	}
	s.drain()
	s.leaves(LeavingDrained)
	require.Equal(t, []int{4, 2, 3, 1, 5}, order)
	require.Equal(t, 5, s.board.Look(1, 5).Finished)

	const slack = time.Minute // the clock may be set meanwhile
	require.WithinRange(t, all[0].Started, before.Add(-slack), after.Add(slack))
	for i, o := range all {
		require.GreaterOrEqual(t, o.Run, time.Duration(0))
		require.LessOrEqual(t, o.Run, after.Sub(before))
		if i > 0 {
			require.False(t, o.Started.Before(all[i-1].Started.Add(all[i-1].Run)), "it starts after the one before")
		}
	}
}

func TestOutcomeSaysHowLongItsTaskRan(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	g := newGate(t, f)
	s := serve(t, f)
	s.give(1, call("wait", 1), call("square", 2))
	await(s, g.began)
	began := time.Now() // as the handler did, or later
	for time.Since(began) < 5*time.Millisecond {
		runtime.Gosched()
	}
	g.open <- struct{}{}
	all, _ := s.outcomes(1, 2)
	require.GreaterOrEqual(t, all[0].Run, 5*time.Millisecond)
	require.GreaterOrEqual(t, all[1].Started.Sub(all[0].Started), 5*time.Millisecond)
}

func TestFailuresAreOutcomesAndTheLoopGoesOn(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	s := serve(t, f)
	tasks := calls("square", -1, 2, -2, 3, -3, 4, -4, 5, -4, -4)
	tasks = append(tasks, codec.Task{Func: "square", Arg: []byte{0xc1}}, call("cube", 1), call("square", 6))
	s.give(1, tasks...)
	all, _ := s.outcomes(1, len(tasks))
	require.Equal(t, "below zero", requireFailure(t, codec.CodeError, all[0]).Message)
	requireValue(t, 4, all[1])
	require.Equal(t, link.StatusFinal, all[2].Status)
	require.Equal(t, "far below zero", codec.ReadFailure(all[2].Body).Message)
	requireValue(t, 9, all[3])
	panicked := requireFailure(t, codec.CodePanic, all[4])
	require.Equal(t, "much too far", panicked.Message)
	require.Contains(t, panicked.Stack, "square")
	requireValue(t, 16, all[5])
	require.Contains(t, requireFailure(t, codec.CodeGoexit, all[6]).Stack, "square")
	requireValue(t, 25, all[7])
	requireFailure(t, codec.CodeGoexit, all[8])
	requireFailure(t, codec.CodeGoexit, all[9])
	requireFailure(t, codec.CodeArgument, all[10])
	require.Contains(t, requireFailure(t, codec.CodeUnknownFunc, all[11]).Message, "cube")
	requireValue(t, 36, all[12])

	s.give(2, calls("square", -4)...) // the last of its run
	requireFailure(t, codec.CodeGoexit, s.outcome(2))
	s.give(3, calls("square", 7)...)
	requireValue(t, 49, s.outcome(3))
	s.drain()
	s.leaves(LeavingDrained)
}

func TestHandlerKnowsItsTask(t *testing.T) {
	t.Parallel()
	f := functions{}
	infos := make(chan Info, 2)
	handle(f, "tell", func(ctx context.Context, _ int) (int, error) {
		info, _ := Task(ctx)
		infos <- info
		return 0, nil
	})
	s := serve(t, f)
	plain, numbered := call("tell", 1), call("tell", 2)
	plain.Crashes, plain.Header = 2, map[string]string{"k": "v"}
	numbered.Numbered = true
	s.give(1, plain, numbered)
	s.outcomes(1, 2)
	require.Equal(t, Info{ID: codec.ID{Client: "client", N: 100}, Func: "tell", Attempt: 3, Header: plain.Header}, await(s, infos))
	require.Equal(t, codec.ID{Client: "client", N: 5001}, await(s, infos).ID, "the number of its message")
}

func TestTasksThatWereTakenBackDoNotRun(t *testing.T) {
	t.Parallel()
	f := functions{}
	g := newGate(t, f)
	s := serve(t, f)
	s.give(1, calls("wait", 0, 1, 2, 3)...)
	require.Equal(t, 0, await(s, g.began))
	require.Equal(t, 2, s.board.TakeBack(1, 1, 4))
	g.open <- struct{}{}
	require.Equal(t, 1, await(s, g.began))
	require.Equal(t, 2, s.board.TakeBack(1, 0, 4))
	g.open <- struct{}{}
	all, _ := s.outcomes(1, 2)
	requireValue(t, 0, all[0])
	requireValue(t, 1, all[1])
	s.drain()
	s.leaves(LeavingDrained)
	require.Empty(t, g.began)
}

func TestRunsFollowOneAnother(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	g := newGate(t, f)
	s := serve(t, f)
	for id := uint64(1); id <= 10; id++ { // the worker waits for each
		s.give(id, calls("square", int(id), int(id)+1)...)
		all, _ := s.outcomes(id, 2)
		requireValue(t, int(id*id), all[0])
		requireValue(t, int((id+1)*(id+1)), all[1])
	}
	s.give(11, calls("wait", 11)...)
	await(s, g.began)
	s.give(12, calls("square", 1, 2, 3)...)
	require.Equal(t, 0, s.board.TakeBack(12, 0, 3))
	s.give(13, calls("square", 4, 5)...)
	s.give(14, calls("square", 6)...)
	g.open <- struct{}{}
	requireValue(t, 11, s.outcome(11))
	all, _ := s.outcomes(13, 2)
	requireValue(t, 16, all[0])
	requireValue(t, 25, all[1])
	requireValue(t, 36, s.outcome(14))
	s.drain()
	s.leaves(LeavingDrained)
}

// A task keeps what it was given, whatever the runs after it bring.
func TestArgumentsOutliveTheirRun(t *testing.T) {
	t.Parallel()
	f := functions{}
	var kept []any
	handle(f, "keep", func(_ context.Context, arg []byte) (int, error) {
		kept = append(kept, arg)
		return len(kept), nil
	})
	handle(f, "keep any", func(_ context.Context, arg any) (int, error) {
		kept = append(kept, arg)
		return len(kept), nil
	})
	s := serve(t, f)
	for id := uint64(1); id <= 8; id++ {
		text := fmt.Sprint("argument ", id)
		s.give(id, call("keep", []byte(text)), call("keep any", map[string]any{"text": text}))
		s.outcomes(id, 2)
	}
	s.drain()
	s.leaves(LeavingDrained)
	for i := range 8 {
		text := fmt.Sprint("argument ", i+1)
		require.Equal(t, []byte(text), kept[2*i])
		require.Equal(t, map[string]any{"text": text}, kept[2*i+1])
	}
}

func TestWorkerThatIsToldToLeaveFinishesItsTask(t *testing.T) {
	t.Parallel()
	f := functions{}
	g := newGate(t, f)
	s := serve(t, f)
	s.give(1, calls("wait", 0, 1, 2)...)
	s.give(2, calls("wait", 3)...)
	await(s, g.began)
	s.drain()
	g.open <- struct{}{}
	requireValue(t, 0, s.outcome(1))
	s.leaves(LeavingDrained)
	require.Empty(t, g.began)
	require.Equal(t, 1, s.board.Look(1, 3).Begun, "the supervisor takes the others back")
	require.Equal(t, 0, s.board.Look(2, 1).Begun)
}

func TestIdleWorkerLeavesWhenToldTo(t *testing.T) {
	t.Parallel()
	s := serve(t, functions{})
	s.drain()
	s.leaves(LeavingDrained)
}

func TestWorkerWithTooMuchMemoryLeavesAfterATask(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell")
	}
	f := functions{}
	square(f)
	s := serve(t, f, func(cfg *Config) { cfg.MaxMemory = 1 })
	s.give(1, calls("square", 2, 3, 4)...)
	requireValue(t, 4, s.outcome(1))
	s.leaves(LeavingMemory)
	require.Equal(t, 1, s.board.Look(1, 3).Begun)
}

func TestWorkerWithinItsMemoryStays(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	s := serve(t, f, func(cfg *Config) { cfg.MaxMemory = 1 << 50 })
	s.give(1, calls("square", 2, 3, 4)...)
	s.outcomes(1, 3)
	s.drain()
	s.leaves(LeavingDrained)
}

func TestTooManyRunsBreakTheProtocol(t *testing.T) {
	t.Parallel()
	f := functions{}
	g := newGate(t, f)
	s := serve(t, f)
	s.give(1, calls("wait", 0)...)
	await(s, g.began)
	for id := range uint64(MaxRuns) {
		s.hand(2+id, calls("wait", 1)...)
	}
	s.hand(2+MaxRuns, calls("wait", 1)...)
	select {
	case err := <-s.broken:
		require.ErrorIs(t, err, link.ErrProtocol)
	case <-s.bound.Done():
		require.FailNow(t, "the worker takes any number of runs")
	}
	require.Len(t, s.worker.runs, MaxRuns)
	g.open <- struct{}{}
	requireValue(t, 0, s.outcome(1))
	s.drain()
	s.leaves(LeavingDrained)
	require.Empty(t, g.began, "nothing of them was on the scoreboard")
}

func TestFramesThatDoNotReadBreakTheProtocol(t *testing.T) {
	t.Parallel()
	w, err := New(Config{Queues: []string{"one", "other"}})
	require.NoError(t, err)
	third := make([]byte, 25)
	third[24] = 2
	for _, f := range []link.Frame{
		{Kind: link.KindOrder}, {Kind: link.KindOutcomes}, {Kind: 99},
		{Kind: link.KindRun, Payload: make([]byte, 24)}, {Kind: link.KindRun, Payload: third},
		{Kind: link.KindValue, Payload: make([]byte, 32)},
	} {
		require.ErrorIs(t, w.take(f), link.ErrProtocol, "%+v", f)
	}
}
