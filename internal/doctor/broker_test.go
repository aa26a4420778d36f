package doctor_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/doctor"
	"github.com/musterfleet/muster/producer"
)

func matched(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }

func TestSound(t *testing.T) {
	b := newBench(t).broker()
	c := b.client()
	b.host()
	f, err := producer.Submit(b.ctx, c, double, 21)
	require.NoError(t, err)
	_, err = f.Result(b.ctx)
	require.NoError(t, err)

	found := b.examineWith(doctor.Config{Funcs: []string{"double"}})
	found.requiresNo(doctor.Problem)
	found.requiresNo(doctor.Warning)
	found.requires(doctor.CheckWorkers, doctor.OK, "default", "hosts that serve it: 1, with worker processes: 1")
	found.requires(doctor.CheckStorage, doctor.OK, "TASKS_default", "the server stored a few bytes, and removed them")
	found.requires(doctor.CheckStream, doctor.OK, "TASKS_default", "as muster needs it")
	found.requires(doctor.CheckFunc, doctor.OK, "default", "1")

	js, err := jetstream.New(b.connect())
	require.NoError(t, err)
	stream, err := js.Stream(b.ctx, "TASKS_default")
	require.NoError(t, err)
	require.Zero(t, stream.CachedInfo().State.Msgs, "the doctor leaves nothing behind")
}

func TestEmptyBrokerStaysEmpty(t *testing.T) {
	b := newBench(t).broker()
	found := b.examine()
	found.requiresNo(doctor.Problem)
	found.requires(doctor.CheckWorkers, doctor.Warning, "", "there is no queue")
	b.examineWith(doctor.Config{Queue: "q"}).requires(doctor.CheckWorkers, doctor.Problem, "q", "there is no such queue")
	js, err := jetstream.New(b.connect())
	require.NoError(t, err)
	account, err := js.AccountInfo(b.ctx)
	require.NoError(t, err)
	require.Zero(t, account.Streams)
}

func TestNoBroker(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	b.examineWith(doctor.Config{URL: "nats://" + l.Addr().String()}).
		requires(doctor.CheckBroker, doctor.Problem, "", "broker unreachable: .*connection refused")
	b.examineWith(doctor.Config{URL: "nats://muster.invalid:4222"}).
		requires(doctor.CheckBroker, doctor.Problem, "", "broker unreachable: .*lookup muster.invalid")
	b.examineWith(doctor.Config{URL: "http://x"}).requires(doctor.CheckAddress, doctor.Problem, "", "bad broker URL")
}

func TestNotNATS(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("SSH-2.0-OpenSSH_10.0\r\n"))
			conn.Close()
		}
	}()
	defer func() {
		l.Close()
		<-served
	}()
	b.examineWith(doctor.Config{URL: "nats://" + l.Addr().String()}).
		requires(doctor.CheckBroker, doctor.Problem, "", "not a NATS server")
}

func TestWrongCredential(t *testing.T) {
	b := newBench(t).configured(`authorization { user: u, password: secret }`)
	url := strings.Replace(b.url, "//", "//u:wrong@", 1)
	found := b.examineWith(doctor.Config{URL: url})
	found.requires(doctor.CheckCredential, doctor.Problem, "", "broker refused the credential")
	require.NotContains(t, found.String(), "wrong@", "it tells the password")
}

func TestNoJetStream(t *testing.T) {
	b := newBench(t).configured("")
	b.pretendSound()
	found := b.examine()
	found.requires(doctor.CheckJetStream, doctor.Problem, "", "no JetStream: it is off")
	found.requires(doctor.CheckHost, doctor.OK, "host-a (aaaaaaaa)", "serving") // it goes on
}

func TestNoJetStreamForAccount(t *testing.T) {
	b := newBench(t).configured(`
		jetstream {}
		accounts { A { users: [{user: u, password: p}] } }`)
	b.examineWith(doctor.Config{URL: strings.Replace(b.url, "//", "//u:p@", 1)}).
		requires(doctor.CheckJetStream, doctor.Problem, "", "no JetStream: the account has none")
}

func TestOldServer(t *testing.T) {
	b := newBench(t).broker()
	b.client()
	b.host()
	b.url = newGreeter(t, b.url, func(greeting string) string {
		return regexp.MustCompile(`"version":"[^"]*"`).ReplaceAllString(greeting, `"version":"2.10.29"`)
	})
	found := b.examine()
	found.requires(doctor.CheckServer, doctor.Problem, "", "nats-server is too old: it is version 2.10.29")
	found.requires(doctor.CheckWorkers, doctor.OK, "default", "hosts that serve it: 1")
}

func TestClockOfBroker(t *testing.T) {
	b := newBench(t).broker()
	ahead := func() time.Time { return time.Now().Add(time.Hour) }
	b.examineWith(doctor.Config{}.WithClock(ahead)).
		requires(doctor.CheckClock, doctor.Problem, "broker", `clock skew: its clock is (59m59|1h0m0)\S* behind this machine's`)
}

func TestTLSMismatch(t *testing.T) {
	b := newBench(t).broker()
	b.examineWith(doctor.Config{URL: strings.Replace(b.url, "nats:", "tls:", 1)}).
		requires(doctor.CheckBroker, doctor.Problem, "", "secure connection")

	cert, key := certificate(t)
	b.configured(`tls { cert_file: "` + cert + `", key_file: "` + key + `" }`)
	found := b.examine()
	found.requires(doctor.CheckBroker, doctor.Problem, "", "x509: |tls: ")
	require.Contains(t, found.String(), "TLS mismatch")
}

func TestOriginOfAddress(t *testing.T) {
	ctx, l := t.Context(), new(net.ListenConfig)
	listener, err := l.Listen(ctx, "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "nats://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nats", "context"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nats", "context.txt"), []byte("prod"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nats", "context", "prod.json"), []byte(`{"url":"`+nobody+`"}`), 0o600))
	examine := func() findings { return findings{t, doctor.Examine(ctx, doctor.Config{})} }
	examine().requires(doctor.CheckAddress, doctor.OK, "", "from NATS context prod")
	t.Setenv("NATS_URL", nobody)
	examine().requires(doctor.CheckAddress, doctor.OK, "", "from NATS_URL")
	t.Setenv("MUSTER_URL", nobody)
	examine().requires(doctor.CheckAddress, doctor.OK, "", "from MUSTER_URL")
	t.Setenv("MUSTER_URL", "")
	t.Setenv("NATS_URL", "")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nats", "context.txt"), []byte("gone"), 0o600))
	examine().requires(doctor.CheckAddress, doctor.Problem, "", "unusable NATS context")
}
