package matrix

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// line stands between the broker and a host, and reads what passes. It can hold
// back some of what the host's supervisor sends or is sent.
type line struct {
	url     string
	backend string
	all     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	conns   map[net.Conn]bool
	holds   []func(message) bool // the next message that is such is held, once
	reached chan struct{}        // closed once there is a message for each
	held    []func()             // pass them on
}

// message is one of the client protocol of NATS.
type message struct {
	sent    bool // by the client, else by the broker
	subject string
	body    string // headers and payload
}

func newLine(t *testing.T, brokerURL string) *line {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{
		url: "nats://" + listener.Addr().String(), backend: strings.TrimPrefix(brokerURL, "nats://"),
		conns: map[net.Conn]bool{}, reached: make(chan struct{}),
	}
	l.all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.join(conn)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.mu.Lock()
		l.closed = true
		for conn := range l.conns {
			conn.Close()
		}
		l.mu.Unlock()
		l.all.Wait()
	})
	return l
}

func (l *line) join(client net.Conn) {
	server, err := net.Dial("tcp", l.backend)
	if err != nil {
		client.Close()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		client.Close()
		server.Close()
		return
	}
	l.conns[client], l.conns[server] = true, true
	supervises := &atomic.Bool{}
	l.all.Go(func() { l.carry(server, client, true, supervises) })
	l.all.Go(func() { l.carry(client, server, false, supervises) })
}

// carry passes on what one side says until either ends, and then ends both.
// supervises is set once it is a supervisor that has said who it is.
func (l *line) carry(to, from net.Conn, sent bool, supervises *atomic.Bool) {
	defer to.Close()
	defer from.Close()
	var mu sync.Mutex // what was held comes from elsewhere
	write := func(raw []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := to.Write(raw)
		return err
	}
	for in := bufio.NewReader(from); ; {
		raw, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		fields := strings.Fields(string(raw))
		m := message{sent: sent}
		switch {
		case len(fields) == 0:
		case fields[0] == "CONNECT":
			supervises.Store(isSupervisor(raw[len("CONNECT "):]))
		case fields[0] == "PUB" || fields[0] == "HPUB" || fields[0] == "MSG" || fields[0] == "HMSG":
			size, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				return
			}
			body := make([]byte, size+len("\r\n"))
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			raw = append(raw, body...)
			m.subject, m.body = fields[1], string(body[:size])
		}
		if m.subject != "" && supervises.Load() && l.keeps(m, func() { _ = write(raw) }) {
			continue
		}
		if write(raw) != nil {
			return
		}
	}
}

// isSupervisor reads the name that a supervisor has for its connection.
func isSupervisor(connect []byte) bool {
	var options struct{ Name string }
	return json.Unmarshal(connect, &options) == nil && strings.HasPrefix(options.Name, "muster supervisor ")
}

// hold has one message of each kind held back, the first that passes. What is like
// it and comes later passes, such as the same task delivered again.
func (l *line) hold(kinds ...func(message) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds = kinds
}

func (l *line) keeps(m message, pass func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.holds, func(such func(message) bool) bool { return such(m) })
	if i < 0 {
		return false
	}
	l.held = append(l.held, pass)
	if l.holds = slices.Concat(l.holds[:i], l.holds[i+1:]); len(l.holds) == 0 {
		close(l.reached)
	}
	return true
}

// letGo passes on what was held, and holds nothing from then on.
func (l *line) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds = nil
	for _, pass := range l.held {
		pass()
	}
	l.held = nil
}
