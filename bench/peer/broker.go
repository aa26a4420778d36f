package peer

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/musterfleet/muster/internal/broker"
)

// brokerProcess is a NATS server in a process of its own, with its streams in
// files. This project and the raw NATS peers use the same.
type brokerProcess struct {
	*child
	url string
	dir string
}

func startBroker(ctx context.Context) (*brokerProcess, error) {
	dir, err := tempDir()
	if err != nil {
		return nil, err
	}
	c, url, err := role{Name: "broker", Dir: dir}.start(ctx)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("starting the NATS server: %w", err)
	}
	return &brokerProcess{child: c, url: url, dir: dir}, nil
}

func (b *brokerProcess) close() {
	if b != nil {
		b.end()
		os.RemoveAll(b.dir)
	}
}

func brokerRole(ctx context.Context, r role, ready func(string), _ io.Writer) error {
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: r.Dir})
	if err != nil {
		return err
	}
	defer server.Shutdown()
	ready(server.URL())
	<-ctx.Done()
	return nil
}

// tempDir makes a directory for the files of a server.
func tempDir() (string, error) { return os.MkdirTemp("", "muster-bench-*") }
