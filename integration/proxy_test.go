package integration

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a client and the broker, to cut the line.
type proxy struct {
	url     string
	backend string
	flow    sync.RWMutex // held while nothing is passed on

	mu    sync.Mutex
	down  bool // new connections end at once
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

func newProxy(t *testing.T, brokerURL string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{
		url: "nats://" + l.Addr().String(), backend: strings.TrimPrefix(brokerURL, "nats://"),
		conns: map[net.Conn]bool{},
	}
	p.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.join(conn)
		}
	})
	t.Cleanup(func() {
		l.Close()
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
	if p.down {
		client.Close()
		server.Close()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.all.Go(func() { p.pipe(server, client) })
	p.all.Go(func() { p.pipe(client, server) })
}

// pipe copies until either side ends, and then ends both. The plain reader keeps
// io.Copy from splicing, for which the runtime keeps pipes.
func (p *proxy) pipe(to, from net.Conn) {
	_, _ = io.Copy(to, tap{p, from})
	to.Close()
	from.Close()
}

type tap struct {
	*proxy
	from io.Reader
}

func (t tap) Read(data []byte) (int, error) {
	n, err := t.from.Read(data)
	t.flow.RLock()
	defer t.flow.RUnlock()
	return n, err
}

// stop passes nothing on any more, neither data nor ends, until the returned
// function is called: nobody at either side can tell.
func (p *proxy) stop(t *testing.T) (resume func()) {
	p.flow.Lock()
	resume = sync.OnceFunc(p.flow.Unlock)
	t.Cleanup(resume)
	return resume
}

// cut ends every connection, and any that is made before mend.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
}

func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}
