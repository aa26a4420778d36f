package broker_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a client and a broker, to lose what the broker says.
type proxy struct {
	addr    string
	backend string

	mu    sync.Mutex
	deaf  bool // drop what the broker says
	conns map[net.Conn]struct{}
	ended bool
	all   sync.WaitGroup
}

func newProxy(t *testing.T, backend string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{addr: l.Addr().String(), backend: backend, conns: map[net.Conn]struct{}{}}
	p.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.join(client)
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.backend)
	if err != nil {
		client.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		client.Close()
		server.Close()
		return
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.all.Go(func() { p.pipe(server, client, client) })
	p.all.Go(func() { p.pipe(&hearing{p, client}, server, client) })
}

// pipe copies until either side ends, and then ends both.
func (p *proxy) pipe(to io.Writer, from, client net.Conn) {
	_, _ = io.Copy(to, from)
	client.Close()
	from.Close()
	if c, ok := to.(net.Conn); ok {
		c.Close()
	}
}

// setDeaf loses what the broker says from now on, or no more.
func (p *proxy) setDeaf(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

// cut ends every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
}

type hearing struct {
	p  *proxy
	to net.Conn
}

func (h *hearing) Write(b []byte) (int, error) {
	h.p.mu.Lock()
	deaf := h.p.deaf
	h.p.mu.Unlock()
	if deaf {
		return len(b), nil
	}
	return h.to.Write(b)
}
