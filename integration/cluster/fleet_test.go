package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/producer"
)

// patience bounds a whole test, several elections included.
const patience = 3 * time.Minute

// fleet is a broker of three nodes, each a process of its own, and what stands
// on it. All of it is gone at the end of the test.
type fleet struct {
	t     *testing.T
	ctx   context.Context
	dir   string
	nodes []*node
	js    jetstream.JetStream // beside the fleet
}

type node struct {
	*program
	name, config, url string
}

func newFleet(t *testing.T) *fleet {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	f := &fleet{t: t, ctx: ctx, dir: t.TempDir()}
	ports := brokertest.FreePorts(t, 6)
	clients, routes := ports[:3], ports[3:]
	for i, port := range clients {
		n := &node{name: fmt.Sprint("n", i), url: fmt.Sprintf("nats://127.0.0.1:%d", port)}
		n.config = filepath.Join(f.dir, n.name+".conf")
		require.NoError(t, os.WriteFile(n.config, fmt.Appendf(nil, `
			server_name: %s
			listen: "127.0.0.1:%d"
			jetstream { store_dir: %q }
			cluster {
				name: muster
				listen: "127.0.0.1:%d"
				routes: ["nats://127.0.0.1:%d", "nats://127.0.0.1:%d", "nats://127.0.0.1:%d"]
			}
		`, n.name, port, filepath.Join(f.dir, n.name), routes[i], routes[0], routes[1], routes[2]), 0o600))
		f.nodes = append(f.nodes, n)
		f.startNode(n)
	}
	nc, err := broker.Connect(ctx, broker.Config{URL: f.url()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	f.js, err = broker.Check(ctx, nc) // waits for a leader
	require.NoError(t, err)
	return f
}

// url names every node, as users should.
func (f *fleet) url() string {
	var all []string
	for _, n := range f.nodes {
		all = append(all, n.url)
	}
	return strings.Join(all, ",")
}

func (f *fleet) startNode(n *node) {
	f.t.Helper()
	n.program = f.program("node", n.name, n.config)
}

// streamLeader returns the node that leads a stream.
func (f *fleet) streamLeader(stream string) *node {
	f.t.Helper()
	return f.leader(stream, func() (*jetstream.ClusterInfo, error) {
		s, err := f.js.Stream(f.ctx, stream)
		if err != nil {
			return nil, err
		}
		return s.CachedInfo().Cluster, nil
	})
}

// consumerLeader returns the node that leads the consumer which workers pull from.
func (f *fleet) consumerLeader() *node {
	f.t.Helper()
	stream, name := broker.TaskStream(producer.DefaultQueue), broker.WorkersConsumer(broker.Normal)
	return f.leader(name, func() (*jetstream.ClusterInfo, error) {
		c, err := f.js.Consumer(f.ctx, stream, name)
		if err != nil {
			return nil, err
		}
		return c.CachedInfo().Cluster, nil
	})
}

// leader asks until there is one, and makes sure that all the nodes are replicas.
func (f *fleet) leader(what string, ask func() (*jetstream.ClusterInfo, error)) (leader *node) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		info, err := ask()
		if err != nil || info == nil { // who answers knows of no group yet
			return false
		}
		for _, n := range f.nodes {
			if n.name == info.Leader {
				leader = n
			}
		}
		return leader != nil && len(info.Replicas) == len(f.nodes)-1
	}, patience, 50*time.Millisecond, "no leader of %s", what)
	return leader
}

// awaitCurrent waits until every node has all that a stream holds.
func (f *fleet) awaitCurrent(stream string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		s, err := f.js.Stream(f.ctx, stream)
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		for _, peer := range s.CachedInfo().Cluster.Replicas {
			if !peer.Current || peer.Offline {
				return false
			}
		}
		return true
	}, patience, 50*time.Millisecond, "a replica of %s does not catch up", stream)
}

// awaitMessages waits until a stream holds n messages.
func (f *fleet) awaitMessages(stream string, n uint64) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		s, err := f.js.Stream(f.ctx, stream)
		return err == nil && s.CachedInfo().State.Msgs >= n
	}, patience, 20*time.Millisecond, "%s stays empty", stream)
}

func (f *fleet) host(name string, processes int) *program {
	f.t.Helper()
	return f.program("host", name, f.url(), processesEnv+"="+strconv.Itoa(processes))
}

func (f *fleet) client(url string, options ...producer.Option) *producer.Client {
	f.t.Helper()
	logger := slog.New(slog.NewTextHandler(f.t.Output(), nil))
	c, err := producer.Connect(f.ctx, url, append(options, producer.WithLogger(logger))...)
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Close(ended) // what is still pending is none of the test's concern
	})
	return c
}

// program is a process of its own that plays a role.
type program struct {
	cmd    *exec.Cmd
	log    log
	exited chan struct{}
}

// program starts the test binary in a role, and returns when it is ready.
func (f *fleet) program(role, name, argument string, environment ...string) *program {
	f.t.Helper()
	p := &program{cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), environment...),
		roleEnv+"="+role, nameEnv+"="+name, argumentEnv+"="+argument, "TMPDIR="+f.dir)
	p.cmd.Stderr = io.MultiWriter(f.t.Output(), &p.log)
	p.cmd.WaitDelay = 5 * time.Second
	_, err := p.cmd.StdinPipe() // ends with us, and the program with it
	require.NoError(f.t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, p.cmd.Start())
	ready := make(chan bool, 1)
	go func() {
		defer close(p.exited)
		lines := bufio.NewScanner(stdout)
		ready <- lines.Scan()
		for lines.Scan() {
		}
		_ = p.cmd.Wait() // it is killed, as a rule
	}()
	f.t.Cleanup(p.kill)
	require.True(f.t, <-ready, "%s %s ended", role, name)
	return p
}

// awaitLog waits until the program's log has a text.
func (f *fleet) awaitLog(p *program, text string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return p.log.has(text) }, patience, 50*time.Millisecond, "nobody says %q", text)
}

// log keeps what a program says.
type log struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (l *log) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said.Write(data)
}

func (l *log) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.said.Bytes(), []byte(text))
}

// kill ends the program by SIGKILL, and nothing but it.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// line is a client's line to the broker, which can be cut. It is a dialer of the
// client library's.
type line struct {
	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func newLine() *line { return &line{} }

func (l *line) Dial(network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, errors.New("the line is cut")
	}
	conn, err := net.Dial(network, address)
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

// cut ends every connection, and lets none be made before mend.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}
