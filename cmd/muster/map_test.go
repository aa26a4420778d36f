package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestMap(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2")
	mapAll := func(t *testing.T, input string, args ...string) ended {
		return run(t, strings.NewReader(input), append([]string{"map", "--url", url}, args...)...)
	}
	for name, test := range map[string]struct {
		args  string
		input string
		want  ended
	}{
		"no input":       {"nosuchfunc", "", ended{}},
		"JSON or string": {"echo", "a\n 5 \n\"q\"\n{\"x\": [1]}\n\n1.50\ntrue\n", ended{stdout: "a\n5\nq\n{\"x\":[1]}\n\n1.5\ntrue\n"}},
		"raw":            {"--raw echo", "\"q\"\n 5 \n\xff\r\n", ended{stdout: "\"q\"\n 5 \n\xff\r\n"}},
		"no last end":    {"echo", "1\n2", ended{stdout: "1\n2\n"}},
		"null":           {"--null --raw sha256", "a\nb\x00\x00", ended{stdout: sha("a\nb") + "\n" + sha("") + "\n"}},
		"long lines":     {"echo --raw", long("a") + "\n" + long("b"), ended{stdout: long("a") + "\n" + long("b") + "\n"}},
		"keep going": {"--keep-going is_prime", "3\nx\n4\n-1\n1e999\n5\n", ended{
			stdout: "true\nfalse\ntrue\n", status: 1,
			stderr: "line 2: argument does not decode: a string where an integer belongs\n" +
				"line 4: argument does not decode: -1 is out of range; use 0 to 18446744073709551615\n" +
				"line 5: the number 1e999 is out of range\n",
		}},
		"fails": {"is_prime", "3\n4\n1e999\n5\n", ended{
			stdout: "true\nfalse\n", stderr: "muster: line 3: the number 1e999 is out of range\n", status: 1,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, mapAll(t, test.input, strings.Fields(test.args)...))
		})
	}
	t.Run("unknown func", func(t *testing.T) {
		t.Parallel()
		input, _ := primesTo(10_000)
		mapAll(t, input, "nosuchfunc").requireFailure(t, 1, `line 1: unknown func: "nosuchfunc"`)
		mapAll(t, input, "nosuchfunc", "--unordered").requireFailure(t, 1, `unknown func: "nosuchfunc"`)
	})
	t.Run("line larger than a message", func(t *testing.T) {
		t.Parallel()
		input := strings.Repeat("x", 2<<20) + "\nok\n"
		require.Equal(t, ended{stdout: input}, mapAll(t, input, "--raw", "echo"))
	})
	t.Run("chunk", func(t *testing.T) {
		t.Parallel()
		input, want := primesTo(2001)
		require.Equal(t, ended{stdout: want}, mapAll(t, input, "--chunk", "100", "is_prime"))
		input, want = lastFirst(input), lastFirst(want)
		got := mapAll(t, input, "--chunk", "65536", "--unordered", "is_prime")
		require.Equal(t, sorted(want), sorted(got.stdout), got.stderr)
	})
	t.Run("unordered", func(t *testing.T) {
		t.Parallel()
		input, want := primesTo(10_000)
		got := mapAll(t, input, "--unordered", "is_prime")
		require.Equal(t, sorted(want), sorted(got.stdout), got.stderr)
	})
	t.Run("unordered keeps going", func(t *testing.T) {
		t.Parallel()
		got := mapAll(t, "1\nx\n2\n1e999\n", "--unordered", "--keep-going", "is_prime")
		require.Equal(t, 1, got.status)
		require.Equal(t, []string{"false", "true"}, sorted(got.stdout))
		require.Contains(t, got.stderr, "line 2: argument does not decode")
		require.Contains(t, got.stderr, "line 4: the number 1e999 is out of range")
	})
	t.Run("results do not wait for input", func(t *testing.T) {
		t.Parallel()
		for _, order := range []string{"--unordered", "--unordered=false"} {
			m := startMap(t, url, "echo", order)
			for _, line := range []string{"1\n", "two\n", "3\n"} {
				require.Equal(t, line, m.ask(t, line))
			}
			require.NoError(t, m.in.Close())
			m.requireEnd(t, ended{})
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		m := startMap(t, url, "echo")
		m.ask(t, "1\n")
		require.NoError(t, m.service.cmd.Process.Signal(syscall.SIGINT))
		m.requireEnd(t, ended{status: 1, stderr: "muster: interrupted\n"})
	})
	t.Run("broken pipe", func(t *testing.T) {
		t.Parallel()
		m := startMap(t, url, "echo")
		go func() {
			for {
				if _, err := io.WriteString(m.in, "y\n"); err != nil {
					return
				}
			}
		}()
		for range 3 {
			_, err := m.out.ReadString('\n')
			require.NoError(t, err)
		}
		require.NoError(t, m.pipe.Close())
		m.requireEnd(t, ended{status: -1})
	})
}

func TestUnorderedDoesNotWait(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2") // which know of no func how long it takes
	got := run(t, strings.NewReader("1\n0\n"), "map", "--url", url, "--unordered", "--chunk", "1", "sleep")
	require.Zero(t, got.status, got.stderr)
	var slept [2]float64
	_, err := fmt.Sscan(got.stdout, &slept[0], &slept[1])
	require.NoError(t, err)
	require.Less(t, slept[0], slept[1])
}

// waiting starts a map of one line that waits for a worker of the queue nobody.
func waiting(t *testing.T, url string) *running {
	m := startMap(t, url, "echo", "--queue", "nobody")
	_, err := io.WriteString(m.in, "1\n")
	require.NoError(t, err)
	requireWaiting(t, url, "nobody", 1)
	require.Contains(t, m.readError(t), `no worker host serves queue "nobody"; waiting`)
	return m
}

// requireWaiting waits until a queue has so many messages.
func requireWaiting(t *testing.T, url, queue string, messages uint64) {
	t.Helper()
	nc, err := broker.Connect(t.Context(), broker.Config{URL: url})
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := js.Stream(t.Context(), broker.TaskStream(queue))
		return err == nil && s.CachedInfo().State.Msgs == messages
	}, patience, 10*time.Millisecond)
}

const waitsForOne = "muster: interrupted; waiting for 1 task, interrupt again to cancel\n"

func TestInterruptWaits(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	m := waiting(t, url)
	require.NoError(t, m.service.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, waitsForOne, m.readError(t))
	startWorker(t, url, "--processes", "1", "--queue", "nobody")
	line, err := m.out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "1\n", line)
	m.requireEnd(t, ended{status: 1, stderr: "muster: interrupted\n"})
}

func TestSecondInterruptCancels(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]bool{"interrupted twice": true, "terminated": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := startBroker(t)
			m := waiting(t, url)
			nc, err := broker.Connect(t.Context(), broker.Config{URL: url})
			require.NoError(t, err)
			defer nc.Close()
			cancelled, err := nc.SubscribeSync(broker.CancelSubject("nobody"))
			require.NoError(t, err)
			require.NoError(t, nc.Flush())
			sig := syscall.SIGTERM
			if second {
				sig = syscall.SIGINT
				require.NoError(t, m.service.cmd.Process.Signal(sig))
				require.Equal(t, waitsForOne, m.readError(t))
			}
			require.NoError(t, m.service.cmd.Process.Signal(sig))
			m.requireEnd(t, ended{status: 1, stderr: "muster: interrupted\n"})
			_, err = cancelled.NextMsg(patience)
			require.NoError(t, err)
		})
	}
}

// running is a muster map that is talked to.
type running struct {
	service *service
	in      io.WriteCloser
	pipe    io.ReadCloser
	out     *bufio.Reader
	stderr  *bufio.Reader
}

func startMap(t *testing.T, url string, args ...string) *running {
	cmd := muster(t, append([]string{"map", "--url", url}, args...)...)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	m := &running{service: &service{cmd: cmd}, in: in, pipe: out, out: bufio.NewReader(out), stderr: bufio.NewReader(stderr)}
	require.NoError(t, cmd.Start())
	return m
}

// ask writes a line and reads one.
func (m *running) ask(t *testing.T, line string) string {
	t.Helper()
	_, err := io.WriteString(m.in, line)
	require.NoError(t, err)
	answer, err := m.out.ReadString('\n')
	require.NoError(t, err)
	return answer
}

// readError reads a line of stderr.
func (m *running) readError(t *testing.T) string {
	t.Helper()
	line, err := m.stderr.ReadString('\n')
	require.NoError(t, err)
	return line
}

// requireEnd waits for the end, whose stdout is not looked at, nor the stderr that
// was read.
func (m *running) requireEnd(t *testing.T, want ended) {
	t.Helper()
	stderr, err := io.ReadAll(m.stderr)
	require.NoError(t, err)
	_ = m.service.cmd.Wait()
	require.Equal(t, want, ended{stderr: string(stderr), status: m.service.cmd.ProcessState.ExitCode()})
	if want.status == -1 {
		require.Equal(t, syscall.SIGPIPE, m.service.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	}
}

// long returns a line near the limit of a message.
func long(s string) string { return strings.Repeat(s, 900_000) }

func sorted(lines string) []string { return slices.Sorted(strings.FieldsSeq(lines)) }

func lastFirst(lines string) string {
	list := strings.Fields(lines)
	slices.Reverse(list)
	return strings.Join(list, "\n") + "\n"
}
