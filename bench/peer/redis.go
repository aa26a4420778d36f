package peer

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// redisServer is a Redis of our own, on the loopback interface.
type redisServer struct {
	*child
	addr string
	dir  string
}

func findRedis() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", fmt.Errorf("redis-server is not installed (Debian: redis-server)")
	}
	return path, nil
}

func startRedis(ctx context.Context) (_ *redisServer, err error) {
	path, err := findRedis()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redisServer{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if r.dir, err = tempDir(); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", r.dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
	if r.child, err = startChild(cmd, syscall.SIGTERM); err != nil {
		os.RemoveAll(r.dir)
		return nil, err
	}
	go r.discard()
	if err := awaitPort(ctx, r.addr); err != nil {
		r.close()
		return nil, fmt.Errorf("starting Redis: %w: %s", err, r.errors)
	}
	return r, nil
}

func (r *redisServer) close() {
	if r != nil {
		r.end()
		os.RemoveAll(r.dir)
	}
}

// freePort finds a port that nobody listens at. Somebody may take it before the
// server does, which then fails to start.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// awaitPort waits until a server accepts connections.
func awaitPort(ctx context.Context, addr string) error {
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
