package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mainEnv makes the test binary, started again, the muster command. Its value
// is the pid of the test, by which every process of it can be found.
const mainEnv = "MUSTER_TEST_MAIN"

// patience bounds every wait.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		main()
		return
	}
	code := m.Run()
	if left := leftovers(); left != "" {
		fmt.Fprintf(os.Stderr, "processes left behind:\n%s", left)
		code = 1
	}
	os.Exit(code)
}

// leftovers lists processes that this test has caused, once they have had time
// to end.
func leftovers() (left string) {
	mark := []byte(mainEnv + "=" + strconv.Itoa(os.Getpid()) + "\x00")
	for range 100 {
		left = ""
		environs, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range environs {
			environ, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(environ, mark) {
				continue
			}
			line, _ := os.ReadFile(filepath.Dir(file) + "/cmdline")
			left += fmt.Sprintf("%s %q\n", filepath.Dir(file), line)
		}
		if left == "" {
			return ""
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

// muster returns the command, not started. It knows no broker but those that its
// arguments name, and keeps nothing outside of the test's directories.
func muster(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), mainEnv+"="+strconv.Itoa(os.Getpid()), "GORACE=atexit_sleep_ms=0",
		"HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "TMPDIR="+home,
		"MUSTER_URL=", "NATS_URL=", "MUSTER_TOKEN=")
	return cmd
}

// ended is what became of a command.
type ended struct {
	stdout, stderr string
	status         int // -1 if a signal ended it
}

// run runs the command to its end.
func run(t *testing.T, stdin io.Reader, args ...string) ended {
	t.Helper()
	return runCommand(t, stdin, muster(t, args...))
}

func runCommand(t *testing.T, stdin io.Reader, cmd *exec.Cmd) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), stderr.String())
	}
	return ended{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// requireFailure checks that a command ended with a status, nothing on stdout,
// and one line on stderr that contains a text.
func (e ended) requireFailure(t *testing.T, status int, text string) {
	t.Helper()
	require.Equal(t, status, e.status, e.stderr)
	require.Empty(t, e.stdout)
	require.Regexp(t, `^muster: [^\n]+\n$`, e.stderr)
	require.Contains(t, e.stderr, text)
}

// service is a command that goes on until it is told to end.
type service struct {
	cmd    *exec.Cmd
	ready  []string // what its ready line says
	stderr chan string
	lines  chan string // of stderr, after the ready line
	told   bool        // to end
	killed bool
}

// startService starts a command and waits for a line on stderr.
func startService(t *testing.T, ready *regexp.Regexp, cmd *exec.Cmd) *service {
	t.Helper()
	cmd.Cancel = func() error { return os.ErrProcessDone } // it lives as long as its test: see stop
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &service{cmd: cmd, stderr: make(chan string, 1), lines: make(chan string, 1000)}
	found := make(chan []string, 1)
	go func() {
		var all strings.Builder
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			all.WriteString(lines.Text() + "\n")
			if match := ready.FindStringSubmatch(lines.Text()); match != nil {
				found <- match
				continue
			}
			select {
			case s.lines <- lines.Text():
			default: // no test looks for so many
			}
		}
		close(found)
		s.stderr <- all.String()
	}()
	t.Cleanup(func() { s.stop(t) })
	s.ready = <-found
	require.NotNil(t, s.ready, "it ended before it was ready")
	return s
}

// see waits for a line on stderr that contains a text.
func (s *service) see(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-s.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			require.FailNow(t, "it never says so", text)
		}
	}
}

// under has a command started by a shell script, to which it is "$0" "$@".
func under(cmd *exec.Cmd, script string) {
	cmd.Args = append([]string{"sh", "-c", script, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
}

// kill ends the service without warning.
func (s *service) kill(t *testing.T) {
	t.Helper()
	s.killed = true
	require.NoError(t, s.cmd.Process.Kill())
}

// tell tells the service to end as its operator does: once, since the second time
// ends a program at once that has drained.
func (s *service) tell(t *testing.T) {
	t.Helper()
	if !s.told {
		s.told = true
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
	}
}

// stop has the service end, and waits for that.
func (s *service) stop(t *testing.T) {
	if !s.killed {
		s.tell(t)
	}
	late := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	stderr := <-s.stderr
	err := s.cmd.Wait()
	if !s.killed && err != nil || t.Failed() {
		t.Errorf("%v: %v\n%s", s.cmd.Args[1:], err, stderr)
	}
}

var (
	serveReady  = regexp.MustCompile(`^muster: broker ready at (\S+), store \S+$`)
	workerReady = regexp.MustCompile(`^muster: \d+ worker process(?:es)? ready on queue \S+: pid ([\d ]+)$`)
)

// startBroker starts muster serve on a free port and returns its URL.
func startBroker(t *testing.T) string {
	t.Helper()
	return startService(t, serveReady, muster(t, "serve", "--listen", "127.0.0.1:0", "--store", t.TempDir())).ready[1]
}

func startWorker(t *testing.T, url string, args ...string) *service {
	t.Helper()
	return startService(t, workerReady, muster(t, append([]string{"worker", "--url", url}, args...)...))
}
