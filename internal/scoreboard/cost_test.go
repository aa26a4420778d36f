package scoreboard_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

func TestNothingAllocates(t *testing.T) {
	b, _ := newBoard(t)
	b.Give(1, scoreboard.MaxTasks)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		b.Give(2, 1)
		index, _ := b.Begin(1, 1)
		b.Look(1, scoreboard.MaxTasks)
		b.Finish(1, index)
		b.TakeBack(1, scoreboard.MaxTasks, scoreboard.MaxTasks)
	}))
	require.Equal(t, 1001, b.Look(1, scoreboard.MaxTasks).Begun, "nothing was measured")
}

func BenchmarkBeginFinish(bench *testing.B) {
	b, _ := newBoard(bench)
	bench.ReportAllocs()
	run := uint64(0)
	for bench.Loop() {
		index, ok := b.Begin(run, 1)
		if !ok {
			run++
			b.Give(run, scoreboard.MaxTasks)
			continue
		}
		b.Finish(run, index)
	}
}

func BenchmarkLook(bench *testing.B) {
	b, _ := newBoard(bench)
	b.Give(1, 100)
	b.Begin(1, 1)
	bench.ReportAllocs()
	for bench.Loop() {
		b.Look(1, 100)
	}
}

func BenchmarkTakeBack(bench *testing.B) {
	b, _ := newBoard(bench)
	b.Give(1, 100)
	bench.ReportAllocs()
	for bench.Loop() {
		b.TakeBack(1, 100, 100)
	}
}
