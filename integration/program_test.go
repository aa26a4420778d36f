package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// The environment of a program: its role, and the role's parameters as JSON.
const (
	roleEnv   = "FLEET_ROLE"
	paramsEnv = "FLEET_PARAMS"
)

type params struct {
	URL       string
	Host      string
	Processes int
	Port      int
	Store     string
	Gate      string
	Tasks     int
	Child     bool
	Network   string // the network namespace to run in; empty: ours
	File      string // of the program; empty: ours
	Dir       string // to start it in; empty: ours
	Args      []string
	Notify    string // the service manager's socket

	DrainTimeout time.Duration
	InitialGate  string // where each worker process waits before it is ready
}

// roles are what the test binary can be. A program prints a line when it is
// ready, and more as its role says.
var roles = map[string]func(params){
	"broker": func(p params) { // prints its URL
		b, err := broker.StartServer(broker.ServerConfig{Port: p.Port, StoreDir: p.Store})
		must(err)
		fmt.Println(b.URL())
		awaitTERM()
		b.Shutdown()
	},
	"host": func(p params) { // prints "ready" for each worker process, and its log
		cfg := pool.Config{
			URL: p.URL, Host: p.Host, Processes: p.Processes, Stdout: os.Stderr, DrainTimeout: p.DrainTimeout,
			Logger:   slog.New(slog.NewTextHandler(os.Stdout, nil)),
			Listener: pool.Listener{Ready: func(int) { fmt.Println("ready") }},
		}
		if p.InitialGate != "" {
			var err error
			cfg, err = cfg.With(pool.Initializer(attend, call{Gate: p.InitialGate}))
			must(err)
		}
		must(pool.Run(context.Background(), cfg))
	},
	"client": func(p params) { // submits tasks to a gate
		c, err := producer.Connect(context.Background(), p.URL)
		must(err)
		submitToGate(c, p)
		fmt.Println("submitted")
		awaitTERM()
	},
	"local": func(p params) { // a whole fleet, with tasks at a gate
		l, err := pool.Local(context.Background(), pool.Processes(p.Processes))
		must(err)
		submitToGate(l.Client(), p)
		fmt.Println("submitted")
		awaitTERM()
	},
}

// unprepared are programs that do not do what package pool asks of them.
var unprepared = map[string]func(){
	"no main": func() {
		note("main")
		handle()
		_, err := pool.Local(context.Background())
		fmt.Println(err)
	},
	"no handlers": func() {
		pool.Main()
		_, err := pool.Local(context.Background())
		fmt.Println(err)
	},
}

func submitToGate(c *producer.Client, p params) {
	ctx := context.Background()
	for i := range p.Tasks {
		_, err := producer.Submit(ctx, c, attend, call{Gate: p.Gate, Name: fmt.Sprint(i), Child: p.Child})
		must(err)
	}
	must(c.Flush(ctx))
}

// dieWithTest ends the program when the test process is gone without having
// killed it, as when it has run out of time.
func dieWithTest() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}

func awaitTERM() {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
}

func readParams() (p params) {
	must(json.Unmarshal([]byte(os.Getenv(paramsEnv)), &p))
	return p
}

// program is a process of its own that plays a role.
type program struct {
	stage  *stage
	cmd    *exec.Cmd
	marker string // of it and of what it starts
	lines  chan string
	exited chan struct{}
	err    error // valid once exited
}

// program starts the test binary in a role.
func (s *stage) program(role string, p params) *program {
	s.t.Helper()
	encoded, err := json.Marshal(p)
	require.NoError(s.t, err)
	started := &program{
		stage: s, marker: s.marker + "/" + role + p.Host, lines: make(chan string, 1<<10), exited: make(chan struct{}),
		cmd: exec.Command(os.Args[0]),
	}
	if p.Network != "" {
		started.cmd = exec.Command("ip", "netns", "exec", p.Network, os.Args[0]) // becomes the program
	}
	started.cmd.Env = append(os.Environ(),
		roleEnv+"="+role, paramsEnv+"="+string(encoded), markerEnv+"="+started.marker, "TMPDIR="+s.tmp)
	if p.File != "" {
		started.cmd.Path, started.cmd.Args = p.File, []string{p.File}
	}
	started.cmd.Dir = p.Dir
	started.cmd.Args = append(started.cmd.Args, p.Args...)
	if p.Notify != "" {
		started.cmd.Env = append(started.cmd.Env, "NOTIFY_SOCKET="+p.Notify, "WATCHDOG_USEC=200000")
	}
	started.cmd.Stderr = s.t.Output()
	started.cmd.WaitDelay = cleanUpTimeout
	_, err = started.cmd.StdinPipe() // ends with us, and the program with it
	require.NoError(s.t, err)
	stdout, err := started.cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, started.cmd.Start())
	var read sync.WaitGroup
	read.Go(func() {
		for text := bufio.NewScanner(stdout); text.Scan(); {
			started.lines <- text.Text()
		}
		close(started.lines)
	})
	go func() {
		read.Wait()
		started.err = started.cmd.Wait()
		close(started.exited)
	}()
	s.t.Cleanup(started.kill)
	return started
}

// line waits for the next line that the program prints.
func (p *program) line() string {
	p.stage.t.Helper()
	select {
	case line, ok := <-p.lines:
		require.True(p.stage.t, ok, "the program ended")
		return line
	case <-p.stage.ctx.Done():
		require.FailNow(p.stage.t, "the program prints nothing")
		return ""
	}
}

// lineWith waits for a line that contains text.
func (p *program) lineWith(text string) {
	p.stage.t.Helper()
	for !strings.Contains(p.line(), text) {
	}
}

// output waits for the program's end, and returns what it printed.
func (p *program) output() string {
	p.stage.t.Helper()
	p.wait()
	var all []string
	for line := range p.lines {
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

// wait waits until the program has ended in good order.
func (p *program) wait() {
	p.stage.t.Helper()
	select {
	case <-p.exited:
		require.NoError(p.stage.t, p.err)
	case <-p.stage.ctx.Done():
		require.FailNow(p.stage.t, "the program does not end")
	}
}

func (p *program) terminate() {
	p.stage.t.Helper()
	p.signal(syscall.SIGTERM)
}

func (p *program) signal(sig syscall.Signal) {
	p.stage.t.Helper()
	require.NoError(p.stage.t, p.cmd.Process.Signal(sig))
}

// kill ends the program by SIGKILL, and nothing but it.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// brokerProgram starts a broker that can be killed. Port -1 is any free one.
func (s *stage) brokerProgram(port int) (b *program, url string) {
	s.t.Helper()
	b = s.program("broker", params{Port: port, Store: s.tmp + "/store"})
	return b, b.line()
}

// hostProgram starts a worker host that can be killed.
func (s *stage) hostProgram(url, name string, processes int) *program {
	s.t.Helper()
	h := s.program("host", params{URL: url, Host: name, Processes: processes})
	for range processes {
		require.Equal(s.t, "ready", h.line())
	}
	return h
}
