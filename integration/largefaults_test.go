package integration

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// echoLarge submits tasks with values of a size, at once, each of which must come back.
func echoLarge(s *stage, c *producer.Client, tasks, size int, options ...producer.CallOption) (one <-chan struct{}, wait func()) {
	came := make(chan struct{}, tasks)
	var all sync.WaitGroup
	for i := range tasks {
		all.Go(func() {
			value := bytes.Repeat([]byte{byte(i), byte(i + 1), 7}, size/3)
			f, err := producer.Submit(s.ctx, c, echo, value, options...)
			if err != nil {
				s.t.Errorf("task %d: %v", i, err)
				return
			}
			switch got, err := f.Result(s.ctx); {
			case err != nil:
				s.t.Errorf("task %d: %v", i, err)
			case !bytes.Equal(value, got):
				s.t.Errorf("task %d: another value came back", i)
			}
			came <- struct{}{}
		})
	}
	return came, all.Wait
}

// Large values are on their way into the store, to the processes, back, and to the client.
func TestBrokerKilledWhileLargeValuesPass(t *testing.T) {
	s := newParallelStage(t)
	b, url := s.brokerProgram(-1)
	s.hostProgram(url, "host", 2)
	c := s.client(url)
	one, wait := echoLarge(s, c, 6, 3<<20)
	for range 2 {
		await(s, one, "no value comes back")
		b.kill()
		b = restart(s, url)
	}
	wait()
	require.Zero(t, c.Pending())
}

// pipesOf returns how many ends of pipes this process has.
func pipesOf(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, "pipe:") {
			n++
		}
	}
	return n
}

// Whatever happens to a process while a large value is in its pipe, its task's result
// comes, and the supervisor has nothing left of the pipe.
func TestProcessStopsWhileALargeValuePasses(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	h := s.host(url, "host", 2)
	c := s.client(url)
	before := pipesOf(t)
	_, wait := echoLarge(s, c, 4, 4<<20, producer.Crashes(10))
	for round := range 6 {
		require.Eventually(t, func() bool { return pipesOf(t) > before }, patience, 100*time.Microsecond, "no value passes")
		pids := h.PIDs()
		for _, pid := range pids {
			if round%2 == 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
				continue
			}
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		if round%2 == 1 {
			time.Sleep(200 * time.Millisecond)
			for _, pid := range pids {
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
		}
	}
	wait()
	require.Zero(t, c.Pending())
}
