package proc_test

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/proc"
)

const patience = 10 * time.Second

func specFor(role string) proc.Spec {
	return proc.Spec{Path: os.Args[0], Args: []string{"proc-test"}, Env: envFor(role)}
}

// start starts a process that the test's end kills.
func start(t testing.TB, spec proc.Spec) *proc.Process {
	t.Helper()
	p, err := proc.Start(spec)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Kill()
		<-p.Exited()
		p.Control().Close()
	})
	return p
}

func requireClosed(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		require.FailNow(t, "nothing happened")
	}
}

// exitOf runs a process to its end.
func exitOf(t testing.TB, spec proc.Spec) proc.Exit {
	t.Helper()
	p := start(t, spec)
	requireClosed(t, p.Exited())
	return p.Exit()
}

// lines sends on every line of output, of both streams.
func lines() (chan string, func(proc.Stream, []byte)) {
	c := make(chan string, 100)
	return c, func(_ proc.Stream, line []byte) { c <- string(line) }
}

func next(t testing.TB, lines <-chan string) string {
	t.Helper()
	select {
	case line := <-lines:
		return line
	case <-time.After(patience):
		require.FailNow(t, "no line")
		return ""
	}
}

func nextPID(t testing.TB, lines <-chan string) int {
	t.Helper()
	pid, err := strconv.Atoi(next(t, lines))
	require.NoError(t, err)
	return pid
}

func requireGone(t testing.TB, within time.Duration, pids ...int) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, pid := range pids {
			if !gone(pid) {
				return false
			}
		}
		return true
	}, within, 2*time.Millisecond, "%v still live", pids)
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	p := start(t, specFor("exit:3"))
	requireClosed(t, p.Died())
	requireClosed(t, p.Exited())
	exit := p.Exit()
	require.Equal(t, p.PID(), exit.PID)
	require.Equal(t, 3, exit.Code)
	require.Zero(t, exit.Signal)
	require.Equal(t, "exit status 3", exit.String())
	require.Greater(t, exit.MaxRSS, int64(1<<20))
	require.Positive(t, exit.UserTime+exit.SystemTime)

	require.ErrorIs(t, p.Kill(), os.ErrProcessDone)
	require.ErrorIs(t, p.Signal(syscall.SIGTERM), os.ErrProcessDone)
}

func TestExitBySignal(t *testing.T) {
	t.Parallel()
	p := start(t, specFor("wait"))
	require.NoError(t, p.Signal(syscall.SIGKILL))
	requireClosed(t, p.Exited())
	require.Equal(t, -1, p.Exit().Code)
	require.Equal(t, syscall.SIGKILL, p.Exit().Signal)
	require.Equal(t, "killed by signal SIGKILL", p.Exit().String())
}

func TestExitString(t *testing.T) {
	t.Parallel()
	for want, exit := range map[string]proc.Exit{
		"exit status 0":                          {},
		"exit status unknown":                    {Code: -1},
		"killed by signal SIGSEGV (core dumped)": {Code: -1, Signal: syscall.SIGSEGV, CoreDump: true},
		"killed by signal 120":                   {Code: -1, Signal: 120},
	} {
		require.Equal(t, want, exit.String())
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	_, err := proc.Start(proc.Spec{Path: "/no/such/executable", Args: []string{"x"}})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestControlConnection(t *testing.T) {
	t.Parallel()
	p := start(t, specFor("echo"))
	control := p.Control()
	require.NoError(t, control.SetDeadline(time.Now().Add(patience)))
	_, err := io.WriteString(control, "hello")
	require.NoError(t, err)
	buf := make([]byte, 5)
	_, err = io.ReadFull(control, buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf))

	require.NoError(t, p.Kill())
	_, err = control.Read(buf)
	require.ErrorIs(t, err, io.EOF, "the connection ends with the process")
}

func TestNoControlConnection(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0]) // has no descriptor 3
	cmd.Env = envFor("orphan")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "true", string(out))
}

func TestInheritedFiles(t *testing.T) {
	t.Parallel()
	spec := specFor("file")
	for _, text := range []string{"first", "second"} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		_, err = w.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		spec.Files = append(spec.Files, r)
	}
	p := start(t, spec)
	require.NoError(t, p.Control().SetDeadline(time.Now().Add(patience)))
	got, err := io.ReadAll(p.Control())
	require.NoError(t, err)
	require.Equal(t, "second", string(got))
}

func TestEnvironmentIsComplete(t *testing.T) {
	t.Parallel()
	got, output := lines()
	start(t, proc.Spec{Path: "/bin/sh", Args: []string{"sh", "-c", "echo ${HOME-none} $A"},
		Env: []string{"A=b"}, Output: output})
	require.Equal(t, "none b", next(t, got))
}

func TestGrandchildrenGoWithTheProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*proc.Process) error{
		"killed":  (*proc.Process).Kill,
		"crashed": func(p *proc.Process) error { return p.Signal(syscall.SIGKILL) },
		"ended":   func(p *proc.Process) error { return p.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := specFor("parent")
			got, output := lines()
			spec.Output = output
			p := start(t, spec)
			grandchild := nextPID(t, got)
			require.False(t, gone(grandchild))
			require.NoError(t, end(p))
			requireClosed(t, p.Exited())
			requireGone(t, patience, grandchild)
		})
	}
}

func TestStoppedProcessIsKilled(t *testing.T) {
	t.Parallel()
	p := start(t, specFor("wait"))
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	require.NoError(t, p.Kill())
	requireClosed(t, p.Exited())
	require.Equal(t, syscall.SIGKILL, p.Exit().Signal)
}

func TestProcessWithoutStreams(t *testing.T) {
	t.Parallel()
	p := start(t, specFor("deaf"))
	buf := make([]byte, 5)
	_, err := io.ReadFull(p.Control(), buf)
	require.NoError(t, err)
	require.Equal(t, "deaf\n", string(buf))
	select {
	case <-p.Died():
		require.Fail(t, "the end of its streams is not the end of the process")
	default:
	}
	_, err = io.WriteString(p.Control(), "go\n")
	require.NoError(t, err)
	requireClosed(t, p.Exited())
	require.Equal(t, 7, p.Exit().Code)
}

// A process that left the group and holds stdout is not ours to kill, nor to
// wait for.
func TestHeldStdoutDelaysExitedButLittle(t *testing.T) {
	t.Parallel()
	got, output := lines()
	spec := specFor("ancestor")
	spec.Output = output
	p := start(t, spec)
	holder := nextPID(t, got)
	defer syscall.Kill(holder, syscall.SIGKILL)
	requireClosed(t, p.Died())
	died := time.Now()
	requireClosed(t, p.Exited())
	require.False(t, gone(holder))
	require.Less(t, time.Since(died), 2*time.Second)
}

func TestOutput(t *testing.T) {
	t.Parallel()
	type line struct {
		stream proc.Stream
		text   string
	}
	var got []line
	var busy atomic.Bool
	spec := specFor("print:one\n\nthree\r\nlast")
	spec.Output = func(stream proc.Stream, text []byte) {
		require.True(t, busy.CompareAndSwap(false, true), "called concurrently")
		got = append(got, line{stream, string(text)})
		busy.Store(false)
	}
	exit := exitOf(t, spec)
	for _, stream := range []proc.Stream{proc.Stdout, proc.Stderr} {
		var texts []string
		for _, l := range got {
			if l.stream == stream {
				texts = append(texts, l.text)
			}
		}
		require.Equal(t, []string{"one", "", "three\r", "last"}, texts, "%v", stream)
	}
	require.Equal(t, "one\n\nthree\r\nlast", exit.Stderr)
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	for _, length := range []int{proc.MaxLine - 1, proc.MaxLine, proc.MaxLine + 1, 2 * proc.MaxLine} {
		var got []int
		exit := exitOf(t, proc.Spec{
			Path: "/bin/sh", Args: []string{"sh", "-c", "head -c " + strconv.Itoa(length) + " /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2"},
			Env:    []string{"PATH=/usr/bin:/bin"},
			Output: func(_ proc.Stream, line []byte) { got = append(got, len(line)) },
		})
		want := []int{min(length, proc.MaxLine)}
		if rest := length - proc.MaxLine; rest > 0 {
			want = append(want, rest)
		}
		require.Equal(t, append(want, len("end")), got)
		require.True(t, strings.HasSuffix(exit.Stderr, "end"))
		require.LessOrEqual(t, len(exit.Stderr), 8<<10)
	}
}

func TestStderrTail(t *testing.T) {
	t.Parallel()
	stderr := exitOf(t, specFor("tail:2000")).Stderr
	require.LessOrEqual(t, len(stderr), 8<<10)
	require.Greater(t, len(stderr), 8<<10-100)
	require.True(t, utf8.ValidString(stderr))
	all := strings.Split(stderr, "\n")
	for i, line := range all {
		require.Equal(t, "line "+strconv.Itoa(2000-len(all)+i)+" of the report \uFFFD", line)
	}
}
