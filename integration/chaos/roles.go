package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
)

// The environment of the fleet's processes.
const (
	paramsEnv  = "CHAOS_PARAMS"  // a program's parameters as JSON, its role among them
	markerEnv  = "CHAOS_FLEET"   // which fleet a process belongs to
	historyEnv = "CHAOS_HISTORY" // path of the history
	hostEnv    = "CHAOS_HOST"    // name of the host
)

// params say what a program is to do.
type params struct {
	Role string
	URL  string // of the broker, for those who connect to it

	Port  int // of the broker
	Store string

	Host      string
	Processes int

	Seed   uint64
	Tasks  int  // to submit; 0 means until told to stop
	Varied bool // see drawJob
}

// play makes this process what its environment says; it returns in the process
// of the tests alone.
func play() {
	handle()
	pool.Main()
	encoded, ok := os.LookupEnv(paramsEnv)
	if !ok {
		return
	}
	var p params
	must(json.Unmarshal([]byte(encoded), &p))
	told := make(chan string, 1)
	go listen(told)
	switch p.Role {
	case "broker":
		playBroker(p)
	case "host":
		playHost(p)
	case "client":
		playClient(p, told)
	default:
		must(fmt.Errorf("unknown role %q", p.Role))
	}
	os.Exit(0)
}

// listen passes on what the test tells the program, and ends the program with it.
func listen(told chan<- string) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		told <- lines.Text()
	}
	os.Exit(1)
}

func playBroker(p params) {
	b, err := broker.StartServer(broker.ServerConfig{Port: p.Port, StoreDir: p.Store})
	must(err)
	fmt.Println("ready")
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	b.Shutdown()
}

// playHost prints "ready" and "died" with the pid of each worker process.
func playHost(p params) {
	h, err := openRecorder(os.Getenv(historyEnv))
	must(err)
	err = pool.Run(context.Background(), pool.Config{
		URL: p.URL, Host: p.Host, Processes: p.Processes, Stdout: io.Discard, Stderr: io.Discard,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Listener: pool.Listener{
			Ready: func(pid int) {
				h.add(record{Event: ready, Host: p.Host, PID: pid})
				fmt.Println("ready", pid)
			},
			Died: func(d pool.Death) {
				h.add(record{Event: buried, Host: p.Host, PID: d.PID, Running: d.Running, Expected: d.Expected, Note: d.Cause})
				fmt.Println("died", d.PID)
			},
		},
	})
	if err != nil { // that of its start
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUnstarted)
	}
}

// exitUnstarted is the status of a host that could not start, as when it finds
// no broker, or that was told to end before it had.
const exitUnstarted = 98

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
