// Package brokertest helps tests that start brokers.
package brokertest

import (
	"net"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	firstPort = 10_000
	maxPorts  = 20_000
)

// last is the port that FreePorts gave last. Tests run at the same time, and so do
// those of several packages, each in a process of its own.
var last = struct {
	sync.Mutex
	n int
}{n: os.Getpid() * 64}

// FreePorts returns ports of loopback that were free a moment ago, and returns none
// twice: a port is free until somebody listens at it, and the nodes of a cluster must
// know each other's before they start. They are below those that systems give to
// connections, of which there are many.
func FreePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	last.Lock()
	defer last.Unlock()
	for tries := 0; len(ports) < n; tries++ {
		require.Less(t, tries, maxPorts, "no free ports")
		last.n++
		port := firstPort + last.n%maxPorts
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		require.NoError(t, l.Close())
		ports = append(ports, port)
	}
	return ports
}
