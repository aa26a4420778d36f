// Package python tests the programs of examples/python against Muster's own: its
// client with our worker processes, and its worker with our client.
package python

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const (
	queue    = "polyglot"
	patience = 90 * time.Second // that a test ends; it needs a fraction
	examples = "../../examples/python"
)

func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	handle()
	pool.Main()
	code := m.Run()
	if err := goleak.Find(sourcing); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// sourcing ignores a goroutine of the embedded server's that outlives a shutdown by
// some seconds, as package integration explains.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

// interpreter finds Python, or leaves the test out.
func interpreter(t *testing.T) string {
	path, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(path, "-c", "import sys; sys.exit(sys.version_info < (3, 10))").Run()
	}
	if err == nil {
		return path
	}
	const missing = "Python's client and worker are not tested: they need python3, 3.10 or later: %v"
	if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "python3") {
		t.Fatalf(missing, err)
	}
	t.Skipf(missing, err)
	return ""
}

// fleet is a broker, and what a test starts beside it.
type fleet struct {
	t      *testing.T
	ctx    context.Context
	python string
	server *broker.Server
	url    string
	dir    string

	environment []string // of programs, in addition to this process's
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	t.Parallel()
	python := interpreter(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	dir := t.TempDir()
	f := &fleet{t: t, ctx: ctx, python: python, dir: dir}
	f.serve(-1)
	t.Cleanup(func() { f.server.Shutdown() })
	return f
}

func (f *fleet) serve(port int) {
	f.t.Helper()
	var err error
	f.server, err = broker.StartServer(broker.ServerConfig{Port: port, StoreDir: filepath.Join(f.dir, "store")})
	require.NoError(f.t, err)
	f.url = f.server.URL()
}

// restart has the broker away for a moment.
func (f *fleet) restart() {
	f.t.Helper()
	at, err := url.Parse(f.url)
	require.NoError(f.t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(f.t, err)
	f.server.Shutdown()
	f.serve(port)
}

// host starts our worker processes.
func (f *fleet) host(processes int) {
	f.t.Helper()
	s, err := pool.Start(f.ctx, pool.Config{
		URL: f.url, Queues: []pool.Queue{{Name: queue}}, Processes: processes, Host: "kestrel", Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(f.t, err)
	f.t.Cleanup(s.Kill)
}

// client connects ours.
func (f *fleet) client(options ...producer.Option) *producer.Client {
	f.t.Helper()
	c, err := producer.Connect(f.ctx, f.url, append(options, producer.WithQueue(queue))...)
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		ended, end := context.WithCancel(context.Background())
		end()
		_ = c.Close(ended) // what is still pending is none of the test's concern
	})
	return c
}

// program is a Python program that talks in lines.
type program struct {
	fleet *fleet
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string
}

func (f *fleet) program(path string, args ...string) *program {
	f.t.Helper()
	p := &program{fleet: f, cmd: exec.Command(f.python, append([]string{path}, args...)...), lines: make(chan string, 1<<10)}
	modules, err := filepath.Abs(examples)
	require.NoError(f.t, err)
	p.cmd.Env = append(append(os.Environ(), "PYTHONPATH="+modules, "PYTHONDONTWRITEBYTECODE=1"), f.environment...)
	p.cmd.Stderr = f.t.Output()
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(f.t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, p.cmd.Start())
	go func() {
		defer close(p.lines)
		for text := bufio.NewScanner(stdout); text.Scan(); {
			p.lines <- text.Text()
		}
	}()
	f.t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		for range p.lines {
		}
		_ = p.cmd.Wait()
	})
	return p
}

// line waits for the next line that the program prints.
func (p *program) line() string {
	p.fleet.t.Helper()
	select {
	case line, ok := <-p.lines:
		require.True(p.fleet.t, ok, "the program ended")
		return line
	case <-p.fleet.ctx.Done():
		require.FailNow(p.fleet.t, "the program prints nothing")
		return ""
	}
}

// ended waits for the program's end and returns its exit status.
func (p *program) ended() int {
	p.fleet.t.Helper()
	for {
		select {
		case _, ok := <-p.lines:
			if ok {
				continue
			}
			_ = p.cmd.Wait() // its status tells
			return p.cmd.ProcessState.ExitCode()
		case <-p.fleet.ctx.Done():
			require.FailNow(p.fleet.t, "the program does not end")
		}
	}
}

// worker starts Python's worker, and waits until it serves.
func (f *fleet) worker() *program {
	f.t.Helper()
	w := f.program("testdata/work.py", f.url, queue)
	require.Equal(f.t, "ready", w.line())
	return w
}

// started waits for the worker's word that it has started a task, "id attempt".
func (p *program) started() string {
	p.fleet.t.Helper()
	word, task, _ := strings.Cut(p.line(), " ")
	require.Equal(p.fleet.t, "start", word)
	return task
}

// driver is Python's client.
type driver struct{ *program }

func (f *fleet) driver() driver {
	f.t.Helper()
	d := driver{f.program("testdata/drive.py", f.url, queue)}
	var hello answer
	require.NoError(f.t, json.Unmarshal([]byte(d.line()), &hello))
	return d
}

// answer is what the driver says to a command.
type answer struct {
	ID      string
	Value   json.RawMessage
	Failure map[string]any
	Timeout bool
	Error   string
}

type command map[string]any

func (d driver) do(c command) (a answer) {
	d.fleet.t.Helper()
	text, err := json.Marshal(c)
	require.NoError(d.fleet.t, err)
	_, err = fmt.Fprintf(d.stdin, "%s\n", text)
	require.NoError(d.fleet.t, err)
	require.NoError(d.fleet.t, json.Unmarshal([]byte(d.line()), &a))
	return a
}

// submit returns the id of a task that the broker has.
func (d driver) submit(c command) string {
	d.fleet.t.Helper()
	a := d.do(c)
	require.Empty(d.fleet.t, a.Error)
	require.NotEmpty(d.fleet.t, a.ID)
	return a.ID
}

func (d driver) result(id string) answer {
	d.fleet.t.Helper()
	a := d.do(command{"result": id, "timeout": 60})
	require.False(d.fleet.t, a.Timeout)
	return a
}
