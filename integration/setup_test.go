package integration

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const (
	configName = "app.conf"
	configText = "the program's configuration"
)

// isWorker reports whether this is a worker process, for set-ups that fail in those
// alone.
func isWorker() bool { return os.Getenv(proc.RoleEnv) != "" }

func readConfig() {
	text, err := os.ReadFile(configName)
	must(err)
	if string(text) != configText {
		must(fmt.Errorf("%s: %q", configName, text))
	}
}

func requireArgument() {
	if len(os.Args) < 2 || os.Args[1] != "-color=blue" {
		must(fmt.Errorf("arguments: %q", os.Args))
	}
}

// setups are what programs do before pool.Main.
var setups = map[string]func(){
	"nothing":                  func() {},
	"reads a relative file":    readConfig,
	"moved after Main":         readConfig,
	"run by a relative path":   readConfig,
	"its file is removed":      readConfig,
	"its directory is removed": func() {},
	"uses an argument":         requireArgument,
	"changes its arguments":    func() { requireArgument(); os.Args = []string{"another"} },
	"changes to a directory":   func() { must(os.Chdir("sub")); readConfig() },
	"goes to a directory of its own": func() {
		dir, err := os.MkdirTemp("", "own")
		must(err)
		must(os.Chdir(dir))
		must(os.Remove(dir))
	},
	"parses flags": func() {
		color := flag.String("color", "", "")
		flag.Parse()
		if *color != "blue" {
			must(fmt.Errorf("color: %q", *color))
		}
	},
	"prints": func() {
		for i := range 400 {
			fmt.Println("set-up line", i)
			fmt.Fprintln(os.Stderr, "set-up line", i)
		}
	},
	"reads stdin": func() {
		if isWorker() {
			_, err := io.Copy(io.Discard, os.Stdin)
			must(err)
		}
	},
	"takes long": func() { // until the test has heard of it, in a worker process
		if isWorker() {
			must(waitAtGate(os.Getenv(gateEnv), visit{Name: "set-up"}))
		}
	},
	"listens on a port": func() {
		_, err := net.Listen("tcp", os.Getenv(gateEnv))
		if err != nil {
			panic(err)
		}
	},
	"panics": func() {
		if isWorker() {
			panic("no license for a second process")
		}
	},
	"fails quietly": func() {
		if isWorker() {
			os.Exit(3)
		}
	},
	"ends before Main": func() {
		note("set-up")
		if isWorker() {
			os.Exit(0)
		}
	},
	"works past Main": func() {
		note("set-up")
		if isWorker() {
			handle()
			_, err := pool.Local(context.Background())
			fmt.Println("went on:", err)
		}
	},
	"notes what runs it": func() { note("set-up") },
	"rolls": func() {
		readConfig()
		requireArgument()
		if isWorker() { // or the check of a new program
			for i := range 2000 {
				fmt.Println("set-up line", i)
			}
		}
	},
}

// gateEnv holds an address for set-ups.
const gateEnv = "FLEET_GATE"

// note appends a line to a file in the program's temporary directory.
func note(line string) {
	f, err := os.OpenFile(notesIn(os.Getenv("TMPDIR")), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	_, err = fmt.Fprintln(f, line)
	must(errors.Join(err, f.Close()))
}

func notesIn(dir string) string { return filepath.Join(filepath.Dir(dir), filepath.Base(dir)+".notes") }

// runPrepared starts a local pool after a set-up and prints where a handler finds
// itself, or why there is no pool.
func runPrepared(role string) {
	ctx := context.Background()
	switch role {
	case "rolls":
		must(os.Chdir("/"))
		must(pool.Run(ctx, pool.Config{
			URL: readParams().URL, Processes: 1, Stdout: io.Discard, Logger: slog.New(slog.NewTextHandler(os.Stdout, nil)),
			Listener: pool.Listener{Ready: func(int) { fmt.Println("ready") }},
		}))
		os.Exit(0)
	case "moved after Main":
		must(os.Chdir("/"))
	case "run by a relative path":
		must(os.Chdir("/"))
	case "its file is removed":
		must(os.Remove(os.Args[0]))
	case "its directory is removed":
		dir, err := os.Getwd()
		must(err)
		must(os.RemoveAll(dir))
	}
	p, err := pool.Local(ctx, pool.Processes(2), pool.WithOutput(io.Discard, io.Discard),
		pool.WithLogger(slog.New(slog.NewTextHandler(os.Stdout, nil))))
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := producer.Submit(ctx, p.Client(), locate, 0)
	must(err)
	dir, err := f.Result(ctx)
	must(err)
	fmt.Println("ran in", dir)
	must(p.Close(ctx))
}

// What a program does before pool.Main is its own business: worker processes do it
// where and with what the program did it, and nobody else does it at all.
func TestWorkerProcessesStartAsTheirProgramDid(t *testing.T) {
	for _, c := range []struct {
		setup string
		args  []string
		ran   string // the directory, if not that of the start
	}{
		{setup: "nothing"},
		{setup: "reads a relative file"},
		{setup: "moved after Main", ran: "/"},
		{setup: "run by a relative path", ran: "/"},
		{setup: "its file is removed"},
		{setup: "uses an argument", args: []string{"-color=blue"}},
		{setup: "changes its arguments", args: []string{"-color=blue"}},
		{setup: "changes to a directory", ran: "sub"},
		{setup: "parses flags", args: []string{"-color=blue", "rest"}},
		{setup: "prints"},
		{setup: "reads stdin"},
	} {
		t.Run(c.setup, func(t *testing.T) {
			file := programFile(t) // before others fork, which would keep it from being run
			s := newParallelStage(t)
			dir, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
			for _, at := range []string{dir, filepath.Join(dir, "sub")} {
				require.NoError(t, os.WriteFile(filepath.Join(at, configName), []byte(configText), 0o600))
			}
			if c.setup == "run by a relative path" {
				require.NoError(t, os.Rename(file, filepath.Join(dir, "prog")))
				file = "./prog"
			}
			ran := dir
			if c.ran != "" {
				ran = filepath.Join(dir, c.ran)
			}
			if strings.HasPrefix(c.ran, "/") {
				ran = c.ran
			}
			output := s.program(c.setup, params{Dir: dir, File: file, Args: c.args}).output()
			lines := strings.Split(output, "\n")
			require.Equal(t, "ran in "+ran, lines[len(lines)-1])
		})
	}
}

func TestWorkerProcessesStartInADirectoryThatIsGone(t *testing.T) {
	for _, setup := range []string{"its directory is removed", "goes to a directory of its own"} {
		t.Run(setup, func(t *testing.T) {
			s := newParallelStage(t)
			dir := filepath.Join(t.TempDir(), "short-lived")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.Contains(t, s.program(setup, params{Dir: dir}).output(), "ran in a directory that is gone")
		})
	}
}

func TestASetUpThatFailsInWorkerProcessesIsShown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	for _, c := range []struct {
		setup string
		says  []string
	}{
		{"panics", []string{pool.ErrNotReady.Error(), "exit status 2", "panic: no license for a second process"}},
		{"listens on a port", []string{pool.ErrNotReady.Error(), "address already in use"}},
		{"fails quietly", []string{pool.ErrNotReady.Error(), "exit status 3"}},
	} {
		t.Run(c.setup, func(t *testing.T) {
			s := stageFor(t)
			t.Setenv(gateEnv, address)
			output := s.program(c.setup, params{}).output()
			for _, text := range c.says {
				require.Contains(t, output, text)
			}
			require.NotContains(t, output, "call pool.Main first")
		})
	}
}

// A program that calls Main under a condition that does not hold in its worker
// processes must not do all its work again in each.
func TestAWorkerProcessThatDoesNotReachMain(t *testing.T) {
	for _, setup := range []string{"ends before Main", "works past Main"} {
		t.Run(setup, func(t *testing.T) {
			s := newParallelStage(t)
			output := s.program(setup, params{}).output()
			require.Contains(t, output, pool.ErrNoMain.Error())
			require.NotContains(t, output, "went on")
			require.Equal(t, 2, countNotes(t, s), "the program itself, and one worker process")
		})
	}
}

func TestNobodyButWorkerProcessesRunsTheSetUpAgain(t *testing.T) {
	s := newParallelStage(t)
	require.Contains(t, s.program("notes what runs it", params{}).output(), "ran in")
	require.Equal(t, 1+2, countNotes(t, s), "the program itself and its worker processes")
}

func countNotes(t *testing.T, s *stage) int {
	t.Helper()
	notes, err := os.ReadFile(notesIn(s.tmp))
	require.NoError(t, err)
	require.NoError(t, os.Remove(notesIn(s.tmp)))
	return strings.Count(string(notes), "\n")
}

// A program under test whose TestMain does not call pool.Main runs its tests once.
func TestAProgramWithoutMainRunsOnce(t *testing.T) {
	s := newParallelStage(t)
	require.Equal(t, pool.ErrNoMain.Error(), s.program("no main", params{}).output())
	require.Equal(t, 1, countNotes(t, s))
}

func TestALongSetUpIsReportedAndWaitedFor(t *testing.T) {
	s := stageFor(t)
	g := newGate(t)
	t.Setenv(gateEnv, g.address)
	p := s.program("takes long", params{})
	first := g.next(t, s.ctx)
	second := g.next(t, s.ctx)                                   // the others do not wait for it for long
	p.lineWith("still in the program's set-up before pool.Main") // after longer than it once had
	first.letGo()
	second.letGo()
	require.Contains(t, p.output(), "ran in")
}

// A roll checks the new program, and becomes it, as it would be started.
func TestARollStartsTheNewProgramAsTheOldOneWasStarted(t *testing.T) {
	file := programFile(t)
	s := newParallelStage(t)
	dir := t.TempDir()
	require.NoError(t, os.Rename(file, filepath.Join(dir, "prog")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, configName), []byte(configText), 0o600))
	_, url := s.brokerProgram(-1)
	p := s.program("rolls", params{URL: url, Dir: dir, File: "./prog", Args: []string{"-color=blue"}})
	p.lineWith("ready")
	for range 2 {
		p.signal(syscall.SIGHUP)
		p.lineWith("draining to go on as")
		p.lineWith("ready")
	}
	p.terminate()
	p.wait()
}

// A host that is told to end does not wait for a process that has nothing to finish.
func TestADrainDoesNotWaitForASetUp(t *testing.T) {
	s := newStage(t)
	g := newGate(t)
	started := make(chan *pool.Supervisor, 1)
	cfg := pool.Config{
		URL: s.broker(), Processes: 1, Logger: s.logger, Stdout: t.Output(), Stderr: t.Output(),
		Env:     []string{roleEnv + "=takes long", gateEnv + "=" + g.address},
		Started: func(h *pool.Supervisor) { started <- h },
	}
	go func() { g.next(t, s.ctx).letGo() }()
	h, err := pool.Start(s.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(h.Kill)
	require.Same(t, h, <-started)
	grown := make(chan error, 1)
	go func() { grown <- h.Resize(s.ctx, 2) }()
	g.next(t, s.ctx) // the second process stays there
	require.NoError(t, h.Drain(s.ctx))
	require.NoError(t, <-grown)
	require.Empty(t, h.Status().Deaths, "that is no death to tell of")
}
