package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// socketPath returns where a control socket can be: the path of one must be short.
func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "control")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "s")
}

// ask sends a request to a control socket, and returns the answer.
func ask(t *testing.T, path, request string) (a codec.ControlAnswer) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte(request))
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	if !errors.Is(err, syscall.ECONNRESET) { // as after a request that was not read to its end
		require.NoError(t, err)
	}
	answer := json.NewDecoder(bytes.NewReader(all))
	answer.DisallowUnknownFields()
	require.NoError(t, answer.Decode(&a))
	require.Equal(t, int64(len(all)-1), answer.InputOffset(), "something follows the answer")
	return a
}

func (s *stage) hostWith(cfg pool.Config) *pool.Supervisor {
	s.t.Helper()
	cfg.Logger, cfg.Stdout, cfg.Stderr = s.logger, s.t.Output(), s.t.Output()
	h, err := pool.Start(s.ctx, cfg)
	require.NoError(s.t, err)
	s.t.Cleanup(h.Kill)
	return h
}

func TestControlSocket(t *testing.T) {
	s := newStage(t)
	url, path := s.broker(), socketPath(t)
	h := s.hostWith(pool.Config{URL: url, Host: "steered", Processes: 1, ControlSocket: path})
	file, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o600, file.Mode())

	a := ask(t, path, `{"verb":"status"}`)
	require.Empty(t, a.Error)
	require.Equal(t, "steered", a.Status.Host)
	require.Len(t, a.Status.ID, 8)
	require.Equal(t, 1, a.Processes)

	require.Equal(t, codec.ControlAnswer{Processes: 3}, ask(t, path, `{"verb":"resize","processes":3}`))
	require.Equal(t, codec.ControlAnswer{Processes: 4}, ask(t, path, `{"verb":"add"}`))
	require.Equal(t, codec.ControlAnswer{Processes: 3}, ask(t, path, `{"verb":"remove"}`))
	require.Equal(t, codec.ControlAnswer{Processes: 1}, ask(t, path, `{"verb":"resize","processes":1}`))
	require.Eventually(t, func() bool { return len(h.PIDs()) == 1 }, patience, 10*time.Millisecond)

	for request, text := range map[string]string{
		`{"verb":"dance"}`: "cannot be asked", `{"verb":"remove"}`: "0 worker processes", `{"verb":"kill","pid":1}`: "no such worker process",
		`{"verb":"resize","processes":99999}`: "99999 worker processes", `}`: "malformed", strings.Repeat(" ", 2000): "malformed",
	} {
		a := ask(t, path, request)
		require.Contains(t, a.Error, text)
		require.Equal(t, 1, a.Processes)
	}

	_, err = pool.Start(s.ctx, pool.Config{URL: url, Processes: 1, ControlSocket: path})
	require.ErrorIs(t, err, pool.ErrSocket)
	require.ErrorContains(t, err, "another host listens there")

	// Somebody who says nothing holds nobody up.
	silent, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer silent.Close()
	g := newGate(t)
	f := submitVisit(s, s.client(url), g, "task")
	v := g.next(t, s.ctx)
	require.Empty(t, ask(t, path, `{"verb":"drain"}`).Error)
	v.letGo()
	result, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, seen{PID: v.PID, Attempt: 1}, result)
	<-h.Stopped()
	require.NoFileExists(t, path)
}

func TestControlSocketOfADeadHostIsReplaced(t *testing.T) {
	s := newStage(t)
	url, path := s.broker(), socketPath(t)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := pool.Start(s.ctx, pool.Config{URL: url, Processes: 1, ControlSocket: path})
	require.ErrorIs(t, err, pool.ErrSocket)
	require.FileExists(t, path)
	require.NoError(t, os.Remove(path))

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	s.hostWith(pool.Config{URL: url, Host: "heir", Processes: 1, ControlSocket: path})
	require.Equal(t, "heir", ask(t, path, `{"verb":"status"}`).Status.Host)
}

func TestControlKillsAProcess(t *testing.T) {
	s := newStage(t)
	url, path := s.broker(), socketPath(t)
	s.hostWith(pool.Config{URL: url, Processes: 1, ControlSocket: path})
	g := newGate(t)
	f, err := producer.Submit(s.ctx, s.client(url), attend, call{Gate: g.address}, producer.Crashes(1))
	require.NoError(t, err)
	request, err := json.Marshal(codec.ControlRequest{Verb: codec.ControlKill, PID: g.next(t, s.ctx).PID})
	require.NoError(t, err)
	require.Empty(t, ask(t, path, string(request)).Error)
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrWorkerDied)
	require.ErrorContains(t, f.Err(s.ctx), "killed by signal SIGKILL, sent by an operator")
}
