package doctor_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// newGreeter stands before a broker and changes what it tells of itself, and returns its URL.
func newGreeter(t *testing.T, url string, change func(string) string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { greet(client, strings.TrimPrefix(url, "nats://"), change) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait() // its clients have disconnected
	})
	return "nats://" + l.Addr().String()
}

func greet(client net.Conn, backend string, change func(string) string) {
	defer client.Close()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(server, client)
		server.Close()
	})
	said := bufio.NewReader(server)
	for {
		line, err := said.ReadString('\n')
		if strings.HasPrefix(line, "INFO ") { // there is another one after the greeting
			line = change(line)
		}
		if _, failed := io.WriteString(client, line); err != nil || failed != nil {
			break
		}
	}
	client.Close()
	back.Wait()
}

// certificate makes one that nobody has signed, and returns its file and its key's.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	write := func(name, kind string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600))
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret)
}

func (b *bench) pretendSound() { b.pretend("aaaaaaaa", func(*codec.HostStatus) {}) }
