package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// fileTimes tells when each file below a directory was changed.
func fileTimes(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	times := map[string]time.Time{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		times[path] = info.ModTime()
		return err
	}))
	return times
}

func TestOneBrokerPerStoreDirectory(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	store := filepath.Join(home, "store")
	first := startService(t, serveReady, muster(t, "serve", "--listen", "127.0.0.1:0", "--store", store))
	id := mustRun(t, "submit", "--detach", "echo", `"kept"`, "--url", first.ready[1])[0]

	link, deep := filepath.Join(home, "link"), filepath.Join(home, "deep")
	require.NoError(t, os.Symlink(store, link))
	require.NoError(t, os.Mkdir(deep, 0o700))
	require.NoError(t, os.Symlink(filepath.Join(store, "jetstream"), filepath.Join(deep, "jetstream")))
	writeFile(t, filepath.Join(home, "store.conf"), fmt.Sprintf("store_dir: %q\n", store))
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP)) // so that it changes no files itself
	var before map[string]time.Time
	require.Eventually(t, func() bool {
		last := before
		before = fileTimes(t, store)
		return maps.Equal(last, before)
	}, patience, 10*time.Millisecond)
	for name, args := range map[string][]string{
		"the same path":            {"--listen", "127.0.0.1:0", "--store", store},
		"a path with a slash":      {"--listen", "127.0.0.1:0", "--store", store + "/./"},
		"a link":                   {"--listen", "127.0.0.1:0", "--store", link},
		"a link to the data":       {"--listen", "127.0.0.1:0", "--store", deep},
		"the directory below":      {"--listen", "127.0.0.1:0", "--store", filepath.Join(store, "jetstream")},
		"the same port":            {"--listen", strings.TrimPrefix(first.ready[1], "nats://"), "--store", store},
		"a configuration":          {"--config", writeFile(t, filepath.Join(home, "a.conf"), fmt.Sprintf("listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q }\n", store))},
		"an included file":         {"--config", writeFile(t, filepath.Join(home, "b.conf"), "listen: \"127.0.0.1:-1\"\njetstream { include store.conf }\n")},
		"a top-level store_dir":    {"--config", writeFile(t, filepath.Join(home, "c.conf"), fmt.Sprintf("listen: \"127.0.0.1:-1\"\nstore_dir: %q\njetstream: true\n", store))},
		"a configuration's limits": {"--config", writeFile(t, filepath.Join(home, "d.conf"), fmt.Sprintf("listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q, max_file_store: 1GB, max_memory_store: 1GB }\n", store))},
	} {
		got := run(t, nil, append([]string{"serve"}, args...)...)
		got.requireFailure(t, 1, "store directory in use: ")
		require.Contains(t, got.stderr, "is in use by another broker", name)
		require.True(t, maps.Equal(before, fileTimes(t, store)), "a file has changed: %s", name)
		if name == "the same path" {
			require.Contains(t, got.stderr, fmt.Sprintf("%s is in use by another broker, process %d: stop that", store, first.cmd.Process.Pid))
		}
	}

	first.kill(t)
	_ = first.cmd.Wait()
	second := startService(t, serveReady, muster(t, "serve", "--listen", "127.0.0.1:0", "--store", link))
	startWorker(t, second.ready[1], "--processes", "1")
	require.Equal(t, []string{"kept"}, mustRun(t, "result", id, "--url", second.ready[1]))
	second.tell(t)
	second.stderr <- <-second.stderr // it has ended
	startService(t, serveReady, muster(t, "serve", "--listen", "127.0.0.1:0", "--store", store))
}

func TestBrokerEndsWhenItsStoreIsRemoved(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(store string) error{
		"removed": os.RemoveAll,
		"moved":   func(store string) error { return os.Rename(store, store+".old") },
		"replaced": func(store string) error {
			if err := os.RemoveAll(store); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(store, "jetstream"), 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := filepath.Join(t.TempDir(), "store")
			broker := startService(t, serveReady, muster(t, "serve", "--listen", "127.0.0.1:0", "--store", store))
			require.NoError(t, remove(store))
			broker.killed = true // it ends by itself
			stderr := <-broker.stderr
			broker.stderr <- stderr // for the cleanup
			require.Error(t, broker.cmd.Wait())
			require.Equal(t, 1, broker.cmd.ProcessState.ExitCode())
			require.Contains(t, stderr, "muster: store directory lost: "+store+" was removed or replaced while the broker ran")
		})
	}
}

// authority signs certificates for this machine.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{t: t, cert: cert, key: key, next: 100}
}

// renew writes a new certificate and its key, and returns its serial number.
func (a *authority) renew(certFile, keyFile string) (serial string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	a.next++
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.next), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	writeFile(a.t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(a.t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return big.NewInt(a.next).String()
}

func connectBroker(t *testing.T, address string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(address, options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func serialOf(t *testing.T, nc *nats.Conn) string {
	t.Helper()
	state, err := nc.TLSConnectionState()
	require.NoError(t, err)
	return state.PeerCertificates[0].SerialNumber.String()
}

func TestHangupReloadsBroker(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(home, cert, key string) []string{
		"flags": func(home, cert, key string) []string {
			return []string{"--listen", "127.0.0.1:0", "--store", filepath.Join(home, "store"), "--tlscert", cert, "--tlskey", key}
		},
		"configuration": func(home, cert, key string) []string {
			return []string{"--config", writeFile(t, filepath.Join(home, "nats.conf"), fmt.Sprintf(
				"listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q }\ntls { cert_file: %q, key_file: %q }\n", filepath.Join(home, "store"), cert, key))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home, ca := t.TempDir(), newAuthority(t)
			cert, key := filepath.Join(home, "cert.pem"), filepath.Join(home, "key.pem")
			old := ca.renew(cert, key)
			broker := startService(t, regexp.MustCompile(serveReady.String()+"|"+configReady.String()), muster(t, append([]string{"serve"}, args(home, cert, key)...)...))
			address := broker.ready[1] + broker.ready[len(broker.ready)-1]
			roots := x509.NewCertPool()
			roots.AddCert(ca.cert)
			trust := nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
			first := connectBroker(t, address, trust)
			require.Equal(t, old, serialOf(t, first))

			renewed := ca.renew(cert, key)
			require.NoError(t, broker.cmd.Process.Signal(syscall.SIGHUP))
			require.Eventually(t, func() bool {
				nc, err := nats.Connect(address, trust)
				if err != nil {
					return false
				}
				defer nc.Close()
				return serialOf(t, nc) == renewed
			}, patience, 10*time.Millisecond, "new connections see the renewed certificate")
			require.NoError(t, first.Flush())
			require.Zero(t, first.Reconnects, "a connection that need not end stays")

			writeFile(t, cert, "no certificate")
			require.NoError(t, broker.cmd.Process.Signal(syscall.SIGHUP))
			broker.see(t, "muster: the broker goes on as before: configuration not reloaded: ")
			require.Equal(t, renewed, serialOf(t, connectBroker(t, address, trust)))
			require.Zero(t, first.Reconnects)
		})
	}
}

func TestHangupTakesChangedConfiguration(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	config := filepath.Join(home, "nats.conf")
	write := func(rest string) {
		writeFile(t, config, fmt.Sprintf("listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q }\n%s\n", filepath.Join(home, "store"), rest))
	}
	write("authorization { users: [ { user: a, password: p } ] }")
	broker := startService(t, configReady, muster(t, "serve", "--config", config))
	where, err := url.Parse(broker.ready[1])
	require.NoError(t, err)
	address := "nats://" + where.Host
	first := connectBroker(t, address, nats.UserInfo("a", "p"))

	write("authorization { users: [ { user: a, password: p }, { user: b, password: q } ] }")
	require.NoError(t, broker.cmd.Process.Signal(syscall.SIGHUP))
	broker.see(t, "muster: configuration reloaded")
	connectBroker(t, address, nats.UserInfo("b", "q"))
	for name, bad := range map[string]string{
		"syntax":       "authorization {{{",
		"unknown":      "no_such_field: 1",
		"other store":  "store_dir: /nowhere",
		"no JetStream": "jetstream: disabled",
	} {
		write(bad)
		require.NoError(t, broker.cmd.Process.Signal(syscall.SIGHUP))
		broker.see(t, "muster: the broker goes on as before: ")
		connectBroker(t, address, nats.UserInfo("b", "q"))
		require.NoError(t, first.Flush(), name)
	}
	require.Zero(t, first.Reconnects)
}

func TestHangupIgnoredUnderNohup(t *testing.T) {
	t.Parallel()
	cmd := muster(t, "serve", "--listen", "127.0.0.1:0", "--store", t.TempDir())
	under(cmd, `trap "" HUP; exec "$0" "$@"`)
	broker := startService(t, serveReady, cmd)
	require.NoError(t, broker.cmd.Process.Signal(syscall.SIGHUP))
	mustRun(t, "submit", "--detach", "echo", "1", "--url", broker.ready[1])
	broker.tell(t)
	stderr := <-broker.stderr
	broker.stderr <- stderr
	require.NotContains(t, stderr, "reloaded")
}
