package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is where tasks report to their test and wait to be let go, so that a test
// knows which run and holds them as long as it needs.
type gate struct {
	address  string
	visits   chan *visit
	closed   chan struct{}
	accepted sync.WaitGroup

	mu     sync.Mutex
	inside int // visitors that have not been let go
	most   int // of inside, ever
}

// visit is one attempt of a task that waits at a gate.
type visit struct {
	Name    string // of the task
	PID     int
	Attempt int
	gate    *gate
	conn    net.Conn
}

func newGate(t *testing.T) *gate { return newGateAt(t, "127.0.0.1") }

func newGateAt(t *testing.T, ip string) *gate {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	require.NoError(t, err)
	g := &gate{address: l.Addr().String(), visits: make(chan *visit), closed: make(chan struct{})}
	g.accepted.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			g.accepted.Go(func() { g.welcome(conn) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		close(g.closed)
		g.accepted.Wait()
	})
	return g
}

func (g *gate) welcome(conn net.Conn) {
	defer conn.Close()
	v := &visit{gate: g, conn: conn}
	lines := bufio.NewReader(conn)
	hello, err := lines.ReadBytes('\n')
	if err != nil || json.Unmarshal(hello, v) != nil {
		return
	}
	g.count(+1)
	select {
	case g.visits <- v:
	case <-g.closed:
		return
	}
	left := make(chan struct{})
	g.accepted.Go(func() {
		defer close(left)
		_, _ = lines.ReadByte() // until the visitor leaves
	})
	select {
	case <-left:
	case <-g.closed:
	}
}

func (g *gate) count(change int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside += change
	g.most = max(g.most, g.inside)
}

// maxInside returns how many visitors there have been at once, at most.
func (g *gate) maxInside() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

// next waits for a visitor.
func (g *gate) next(t *testing.T, ctx context.Context) *visit {
	t.Helper()
	select {
	case v := <-g.visits:
		return v
	case <-ctx.Done():
		require.FailNow(t, "no task came to the gate")
		return nil
	}
}

// open lets everybody go who comes from now on.
func (g *gate) open() {
	g.accepted.Go(func() {
		for {
			select {
			case v := <-g.visits:
				v.letGo()
			case <-g.closed:
				return
			}
		}
	})
}

// letGo ends the visit: the handler returns.
func (v *visit) letGo() {
	v.gate.count(-1)
	fmt.Fprintln(v.conn, "go")
}

// waitAtGate is the handler's side.
func waitAtGate(address string, v visit) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(v); err != nil {
		return err
	}
	_, err = bufio.NewReader(conn).ReadBytes('\n')
	return err
}
