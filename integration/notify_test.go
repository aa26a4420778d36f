package integration

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// serviceManager is the socket of one.
type serviceManager struct {
	stage *stage
	path  string
	heard chan string
}

func newServiceManager(s *stage) *serviceManager {
	dir, err := os.MkdirTemp("", "notify") // the path of a socket must be short
	require.NoError(s.t, err)
	m := &serviceManager{stage: s, path: filepath.Join(dir, "s"), heard: make(chan string, 1<<12)}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	require.NoError(s.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		message := make([]byte, 4096)
		for {
			n, err := conn.Read(message)
			if err != nil {
				return
			}
			m.heard <- string(message[:n])
		}
	}()
	s.t.Cleanup(func() {
		require.NoError(s.t, conn.Close())
		<-done
		require.NoError(s.t, os.RemoveAll(dir))
	})
	return m
}

// hear waits for a message with an assignment.
func (m *serviceManager) hear(assignment string) string {
	m.stage.t.Helper()
	for {
		select {
		case message := <-m.heard:
			if strings.Contains("\n"+message+"\n", "\n"+assignment+"\n") {
				return message
			}
			require.NotContains(m.stage.t, message, "READY=1")
		case <-m.stage.ctx.Done():
			require.FailNow(m.stage.t, "the service manager does not hear "+assignment)
		}
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	m := newServiceManager(s)
	h := s.program("host", params{URL: url, Host: "told", Processes: 1, Notify: m.path, File: programFile(t)})
	require.Contains(t, m.hear("READY=1"), "STATUS=serving queue default with 1 worker processes")
	m.hear("WATCHDOG=1")

	// Worker processes are none of the service manager's business.
	f, err := producer.Submit(s.ctx, s.client(url), environment, "NOTIFY_SOCKET")
	require.NoError(t, err)
	value, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Empty(t, value)

	h.signal(syscall.SIGHUP)
	require.Regexp(t, `(?m)^MONOTONIC_USEC=\d+$`, m.hear("RELOADING=1"))
	m.hear("READY=1")
	m.hear("WATCHDOG=1")
	g := newGate(t)
	submitVisit(s, s.client(url), g, "task")
	v := g.next(t, s.ctx)
	h.terminate()
	m.hear("STOPPING=1")
	m.hear("WATCHDOG=1") // also while it drains
	v.letGo()
	h.wait()
}
