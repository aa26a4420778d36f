package scoreboard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ackSubject = "$JS.ACK.TASKS_default.workers.1.1234567.1234567.1700000000123456789.0"

func TestWritingAllocatesNothing(t *testing.T) {
	b, _ := newBoard(t)
	j := b.Journal([]string{"f"}, bounds)
	code := 0
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		s, _ := b.Take(ackSubject, "client", 0, 2)
		s.Start(0, 7, 1, 0)
		s.Finish()
		j.Ended(s, code, 2)
		code = 1 - code
		s.HandedOff(1)
		s.Truncate(1)
		s.Release()
	}))
}

func BenchmarkStartFinish(bench *testing.B) {
	b, _ := newBoard(bench)
	s, _ := b.Take(ackSubject, "client", 0, 1)
	bench.ReportAllocs()
	for bench.Loop() {
		s.Start(0, 7, 1, 0)
		s.Finish()
	}
}

// BenchmarkTask is what a task costs that takes no time, of one func: one that goes
// together with others, and one that has a span of its own.
func BenchmarkTask(bench *testing.B) {
	for name, took := range map[string]time.Duration{"short": time.Microsecond, "long": 2 * time.Millisecond} {
		bench.Run(name, func(bench *testing.B) {
			b, _ := newBoard(bench)
			j := b.Journal([]string{"f"}, bounds)
			s, _ := b.Take(ackSubject, "k3xf9mq2l7zt4b6c", 1, 1)
			now := int64(1_000_000)
			bench.ReportAllocs()
			for bench.Loop() {
				s.Start(0, 7, now, 0)
				now += int64(took)
				s.Finish()
				j.Ended(s, 0, now)
			}
		})
	}
}

func BenchmarkTakeRelease(bench *testing.B) {
	b, _ := newBoard(bench)
	bench.ReportAllocs()
	for bench.Loop() {
		s, _ := b.Take(ackSubject, "client", 0, 1)
		s.Release()
	}
}

func BenchmarkDeliveries(bench *testing.B) {
	b, _ := newBoard(bench)
	for range 8 {
		b.Take(ackSubject, "client", 0, 100)
	}
	bench.ReportAllocs()
	for bench.Loop() {
		b.Deliveries()
	}
}
