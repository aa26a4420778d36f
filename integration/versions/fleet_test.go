package versions

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

// patience bounds each test.
const patience = 3 * time.Minute

// stage is a broker and the programs that use it.
type stage struct {
	t   *testing.T
	ctx context.Context
	url string
}

func newStage(t *testing.T) *stage {
	t.Parallel()
	requireHistory(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	b, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: filepath.Join(t.TempDir(), "store")})
	require.NoError(t, err)
	t.Cleanup(b.Shutdown)
	return &stage{t: t, ctx: ctx, url: b.URL()}
}

func (s *stage) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.ctx, program, args...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), "MUSTER_URL="+s.url), 5*time.Second
	return cmd
}

// run runs a command of the program to its end. Its status must be as given.
func (s *stage) run(status int, program string, args ...string) (stdout, stderr string) {
	s.t.Helper()
	cmd := s.command(program, args...)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	_ = cmd.Run() // its status tells
	require.Equal(s.t, status, cmd.ProcessState.ExitCode(), "%v: %s", args, errors.String())
	return strings.TrimSpace(out.String()), errors.String()
}

// host is a worker host.
type host struct {
	cmd   *exec.Cmd
	ended chan error
}

// host starts a worker host, and returns when it is ready.
func (s *stage) host(program string) *host {
	s.t.Helper()
	h := &host{cmd: s.command(program, "worker", "--processes", "1"), ended: make(chan error, 1)}
	stderr, err := h.cmd.StderrPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, h.cmd.Start())
	s.t.Cleanup(func() { _ = h.cmd.Process.Kill() })
	ready := make(chan struct{})
	go func() {
		var found bool
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if !found && strings.Contains(lines.Text(), "ready on queue") {
				found = true
				close(ready)
			}
		}
		h.ended <- h.cmd.Wait()
	}()
	select {
	case <-ready:
	case err := <-h.ended:
		require.Fail(s.t, "a host ended", "%v", err)
	case <-s.ctx.Done():
		require.Fail(s.t, "a host is never ready")
	}
	return h
}

// drain ends a host in good order.
func (s *stage) drain(h *host) {
	s.t.Helper()
	require.NoError(s.t, h.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-h.ended:
		require.NoError(s.t, err)
	case <-s.ctx.Done():
		require.Fail(s.t, "a host does not drain")
	}
}
