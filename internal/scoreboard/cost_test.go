package scoreboard_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const ackSubject = "$JS.ACK.TASKS_default.workers.1.1234567.1234567.1700000000123456789.0"

func TestWritingAllocatesNothing(t *testing.T) {
	b, _ := newBoard(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		s, _ := b.Take(ackSubject, "client", 2)
		s.Start(7, 1, 0)
		s.Finish()
		s.HandedOff(1)
		s.Truncate(1)
		s.Release()
	}))
}

func BenchmarkStartFinish(bench *testing.B) {
	b, _ := newBoard(bench)
	s, _ := b.Take(ackSubject, "client", 1)
	bench.ReportAllocs()
	for bench.Loop() {
		s.Start(7, 1, 0)
		s.Finish()
	}
}

func BenchmarkTakeRelease(bench *testing.B) {
	b, _ := newBoard(bench)
	bench.ReportAllocs()
	for bench.Loop() {
		s, _ := b.Take(ackSubject, "client", 1)
		s.Release()
	}
}

func BenchmarkDeliveries(bench *testing.B) {
	b, _ := newBoard(bench)
	for range 8 {
		b.Take(ackSubject, "client", 100)
	}
	bench.ReportAllocs()
	for bench.Loop() {
		b.Deliveries()
	}
}
