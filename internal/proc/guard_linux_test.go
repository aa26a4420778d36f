package proc_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/proc"
)

var guards atomic.Int64

// startGuard starts a guard whose process has a name of its own.
func startGuard(t testing.TB) *proc.Guard {
	t.Helper()
	g, _ := startNamedGuard(t)
	return g
}

func startNamedGuard(t testing.TB) (*proc.Guard, string) {
	t.Helper()
	name := fmt.Sprintf("guard-%d-%d", os.Getpid(), guards.Add(1))
	g, err := proc.StartGuard(os.Args[0], []string{name}, envFor(""), here)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g, name
}

// guardPIDs returns the guard processes of that name.
func guardPIDs(t testing.TB, name string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && string(line) == name+"\x00" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

func filledDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "with a space\nand a newline")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deep"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "deep", "file"), nil, 0o600))
	return dir
}

// Test, supervisor, two processes (one of them stopped), a child of each: when
// the supervisor is killed, all below it go.
func TestNothingOutlivesTheSupervisor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = envFor("supervisor:" + dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	var pids []int
	scanner := bufio.NewScanner(out)
	for scanner.Scan() && scanner.Text() != "ready" {
		pid, err := strconv.Atoi(scanner.Text())
		require.NoError(t, err)
		pids = append(pids, pid)
		require.False(t, gone(pid))
	}
	require.Len(t, pids, 4)

	killed := time.Now()
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	requireGone(t, 5*time.Second, pids...)
	t.Logf("processes gone after %v", time.Since(killed))
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}, 5*time.Second, time.Millisecond)
	t.Logf("directory gone after %v", time.Since(killed))
}

func TestProcessDiesWithTheSupervisorWithoutGuard(t *testing.T) {
	t.Parallel()
	got, output := lines()
	spec := specFor("unguarded")
	spec.Output = output
	supervisor := start(t, spec)
	pid := nextPID(t, got)
	require.False(t, gone(pid))
	require.NoError(t, supervisor.Signal(syscall.SIGKILL))
	requireGone(t, patience, pid)
}

func TestGuardCloseKillsAndRemoves(t *testing.T) {
	t.Parallel()
	g, name := startNamedGuard(t)
	dir := filledDir(t)
	require.NoError(t, g.RemoveDir(dir))
	p := start(t, guarded(g, "wait"))
	require.NoError(t, g.Close())
	requireClosed(t, p.Exited())
	require.Equal(t, syscall.SIGKILL, p.Exit().Signal)
	require.NoDirExists(t, dir)
	require.DirExists(t, filepath.Dir(dir))
	require.Empty(t, guardPIDs(t, name))
	require.NoError(t, g.Close())

	require.ErrorIs(t, g.RemoveDir(dir), proc.ErrGuardClosed)
	_, err := proc.Start(guarded(g, "wait"))
	require.ErrorIs(t, err, proc.ErrGuardClosed)
}

func TestGuardRefusesToRemoveTheRoot(t *testing.T) {
	t.Parallel()
	g := startGuard(t)
	for _, dir := range []string{"", "/", "//", "/tmp/.."} {
		require.ErrorIs(t, g.RemoveDir(dir), syscall.EINVAL, "%q", dir)
	}
}

func TestGuardIgnoresSignals(t *testing.T) {
	t.Parallel()
	g, name := startNamedGuard(t)
	before := guardPIDs(t, name)
	require.Len(t, before, 1)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(before[0], sig))
	}
	// Had a signal killed it, it would be by the time it answers to this.
	dir := filledDir(t)
	require.NoError(t, g.RemoveDir(dir))
	sid, _, errno := syscall.Syscall(syscall.SYS_GETSID, uintptr(before[0]), 0, 0)
	require.Zero(t, errno)
	require.Equal(t, before[0], int(sid), "it leads a session of its own")
	require.Equal(t, before, guardPIDs(t, name))
	require.NoError(t, g.Close())
	require.NoDirExists(t, dir)
}

func TestKilledGuardIsReplaced(t *testing.T) {
	t.Parallel()
	g, name := startNamedGuard(t)
	dir := filledDir(t)
	require.NoError(t, g.RemoveDir(dir))
	p := start(t, guarded(g, "wait"))
	for range 3 {
		var pids []int
		require.Eventually(t, func() bool {
			pids = guardPIDs(t, name)
			return len(pids) == 1
		}, patience, time.Millisecond)
		require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
		requireGone(t, patience, pids[0])
	}
	require.Eventually(t, func() bool { return len(guardPIDs(t, name)) == 1 }, patience, time.Millisecond)
	require.NoError(t, g.Close())
	requireClosed(t, p.Exited())
	require.NoDirExists(t, dir)
	require.Empty(t, guardPIDs(t, name))
}

// Close does the guard process's work itself when that has just been killed.
func TestCloseWithDeadGuard(t *testing.T) {
	t.Parallel()
	g, name := startNamedGuard(t)
	dir := filledDir(t)
	require.NoError(t, g.RemoveDir(dir))
	p := start(t, guarded(g, "wait"))
	require.NoError(t, syscall.Kill(guardPIDs(t, name)[0], syscall.SIGKILL))
	require.NoError(t, g.Close())
	requireClosed(t, p.Exited())
	require.NoDirExists(t, dir)
	require.Empty(t, guardPIDs(t, name))
}

// A guard process that has stopped takes no messages; starts go on.
func TestStoppedGuardIsReplaced(t *testing.T) {
	t.Parallel()
	g, name := startNamedGuard(t)
	stopped := guardPIDs(t, name)[0]
	require.NoError(t, syscall.Kill(stopped, syscall.SIGSTOP))
	dir := t.TempDir() + strings.Repeat("/none", 700)
	require.Eventually(t, func() bool {
		// Every message takes room in the pipe until one does not fit.
		require.NoError(t, g.RemoveDir(dir))
		return gone(stopped)
	}, patience, time.Millisecond)
	require.NoError(t, exitErr(start(t, guarded(g, "exit:0"))))
}

func TestAGuardThatDoesNotStartTellsWhy(t *testing.T) {
	t.Parallel()
	// Not a script that the test writes: a process that another test is starting could
	// hold it open for writing, and nobody could run it then.
	_, err := proc.StartGuard("/bin/sh", []string{"guard", "-c", "echo no template >&2; exit 3"}, nil, here)
	require.ErrorIs(t, err, proc.ErrGuardStart)
	require.ErrorContains(t, err, "exit status 3; its stderr ends:\nno template")
}

// A program may have to be initialized in its directory and with its arguments; a
// guard must not run its main, whatever else the environment says.
func TestTheGuardNeverReachesMain(t *testing.T) {
	t.Parallel()
	g, err := proc.StartGuard(os.Args[0], []string{"guard"}, envFor("exit:3"), here)
	require.NoError(t, err)
	require.NoError(t, g.Close())
}

func guarded(g *proc.Guard, role string) proc.Spec {
	spec := specFor(role)
	spec.Guard = g
	return spec
}

func exitErr(p *proc.Process) error {
	<-p.Exited()
	if e := p.Exit(); e.Code != 0 {
		return fmt.Errorf("%v", e)
	}
	return nil
}
