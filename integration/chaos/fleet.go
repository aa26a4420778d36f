package chaos

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// fleet is a broker, hosts and a client, each a process of its own, and the lines
// of some of them to the broker. A client that is killed has a successor.
type fleet struct {
	dir     string // temporary directory of all its processes, with history and logs
	marker  string // in the environment of all its processes
	history *recorder
	clock   *clock

	address string // of the broker
	broker  *member
	hosts   []*member
	client  *member
	lines   []*line
}

const historyFile = "history"

// processesPerHost is more than this machine may have processors: tasks sleep.
const processesPerHost = 4

// newFleet makes a fleet whose client does what p says.
func newFleet(dir string, p params) (*fleet, error) {
	f := &fleet{dir: dir, marker: filepath.Base(dir), clock: newClock()}
	var err error
	if f.history, err = openRecorder(f.path(historyFile)); err != nil {
		return nil, err
	}
	port, err := quietPort()
	if err != nil {
		return nil, err
	}
	f.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	f.broker = f.newMember("broker", params{Role: "broker", Port: port, Store: f.path("store")})
	for _, name := range []string{"host", "client"} {
		l, err := newLine(name, f.address)
		if err != nil {
			return nil, err
		}
		f.lines = append(f.lines, l)
	}
	host := func(name, address string) *member {
		return f.newMember("host "+name, params{Role: "host", Host: name, URL: "nats://" + address, Processes: processesPerHost})
	}
	f.hosts = []*member{host("a", f.lines[0].address()), host("b", f.address)}
	p.Role, p.URL = "client", "nats://"+f.lines[1].address()
	f.client = f.newMember("client", p)
	f.client.mortal = true
	return f, nil
}

func (f *fleet) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) start(ctx context.Context) error {
	for _, m := range append([]*member{f.broker}, append(f.hosts, f.client)...) {
		m.mu.Lock()
		err := m.start(ctx)
		m.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// stop ends the fleet in good order, and what does not end so by force.
func (f *fleet) stop() {
	for _, m := range append([]*member{f.client}, append(f.hosts, f.broker)...) {
		s := syscall.SIGTERM
		if m == f.client {
			s = syscall.SIGKILL // it has ended, or never will
		}
		m.retire(s)
	}
	for _, l := range f.lines {
		l.close()
	}
}

// someWorker chooses a worker process that is ready, and waits for one if there
// is none.
func (f *fleet) someWorker(ctx context.Context, pick uint64) (*member, int, *os.Process, error) {
	for {
		var wakes []<-chan struct{}
		type candidate struct {
			host *member
			pid  int
			p    *os.Process
		}
		var all []candidate
		for _, h := range f.hosts {
			h.state.Lock()
			wakes = append(wakes, h.changed)
			for pid, p := range h.workers {
				all = append(all, candidate{h, pid, p})
			}
			h.state.Unlock()
		}
		if len(all) > 0 {
			slices.SortFunc(all, func(a, b candidate) int { return a.pid - b.pid })
			c := all[pick%uint64(len(all))]
			return c.host, c.pid, c.p, nil
		}
		select {
		case <-wakes[0]:
		case <-wakes[1]:
		case <-ctx.Done():
			return nil, 0, nil, fmt.Errorf("%w: %w", errNoWorker, context.Cause(ctx))
		}
	}
}

// quietPort finds a free port below those that connections get by themselves, so
// that nobody takes it while the broker is away.
func quietPort() (int, error) {
	var err error
	for port := 20_000 + os.Getpid()%10_000; port < 32_000; port++ {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no port is free: %w", err)
}
