package matrix

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// line stands between the broker and a host, and reads what passes. It can hold
// back some of what one worker process sends or is sent.
type line struct {
	url     string
	backend string
	all     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	conns   map[net.Conn]bool
	pid     int // whose messages are held; 0: nobody's
	holds   func(message) bool
	reached chan struct{} // has an element once a message is held
	held    []func()      // pass them on
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
		conns: map[net.Conn]bool{}, reached: make(chan struct{}, 1),
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
	pid := &atomic.Int64{}
	l.all.Go(func() { l.carry(server, client, true, pid) })
	l.all.Go(func() { l.carry(client, server, false, pid) })
}

// carry passes on what one side says until either ends, and then ends both. pid
// is the worker process's whose connection it is, once that has said so.
func (l *line) carry(to, from net.Conn, sent bool, pid *atomic.Int64) {
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
			pid.Store(workerPID(raw[len("CONNECT "):]))
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
		if m.subject != "" && l.keeps(int(pid.Load()), m, func() { _ = write(raw) }) {
			continue
		}
		if write(raw) != nil {
			return
		}
	}
}

// workerPID reads the name that a worker process gives its connection.
func workerPID(connect []byte) int64 {
	var options struct{ Name string }
	if json.Unmarshal(connect, &options) != nil || !strings.HasPrefix(options.Name, "muster worker ") {
		return 0
	}
	pid, _ := strconv.ParseInt(options.Name[strings.LastIndexByte(options.Name, ' ')+1:], 10, 64)
	return pid
}

// hold has the messages of a worker process held back that are such.
func (l *line) hold(pid int, such func(message) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pid, l.holds = pid, such
}

func (l *line) keeps(pid int, m message, pass func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pid == 0 || pid != l.pid || !l.holds(m) {
		return false
	}
	l.held = append(l.held, pass)
	select {
	case l.reached <- struct{}{}:
	default:
	}
	return true
}

// letGo passes on what was held, and holds nothing from then on.
func (l *line) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pid = 0
	for _, pass := range l.held {
		pass()
	}
	l.held = nil
}
