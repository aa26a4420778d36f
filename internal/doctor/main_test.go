package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/doctor"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// patience bounds every wait of a test.
const patience = 90 * time.Second

var (
	double = codec.NewFunc[int, int]("double")
	fail   = codec.NewFunc[int, int]("fail")
)

// TestMain makes the test binary the program of the worker processes too.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"GORACE": "atexit_sleep_ms=0", "MUSTER_URL": "", "NATS_URL": "", "XDG_CONFIG_HOME": filepath.Join(os.TempDir(), "nowhere"),
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(fail, func(context.Context, int) (int, error) { return 0, errors.New("as always") })
	pool.Main()
	// What a server leaves behind for some seconds that is shut down while a
	// stream begins to fetch from another.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3"))
}

// bench is where an installation stands that a test spoils.
type bench struct {
	t   *testing.T
	ctx context.Context
	url string
	dir string // the sound broker's store
}

func newBench(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &bench{t: t, ctx: ctx}
}

// broker starts a sound broker.
func (b *bench) broker() *bench {
	b.t.Helper()
	b.dir = filepath.Join(b.t.TempDir(), "store")
	s, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: b.dir})
	require.NoError(b.t, err)
	b.t.Cleanup(s.Shutdown)
	b.url = s.URL()
	return b
}

// configured starts a broker with a configuration, in which STORE stands for a
// directory. A user of all may do anything, if it has users.
func (b *bench) configured(text string) *bench {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "nats.conf")
	require.NoError(b.t, os.WriteFile(file, []byte("listen: 127.0.0.1:-1\n"+text), 0o600))
	opts, err := server.ProcessConfigFile(file)
	require.NoError(b.t, err)
	opts.StoreDir, opts.NoSigs, opts.NoLog = b.t.TempDir(), true, true
	s, err := server.NewServer(opts)
	require.NoError(b.t, err)
	s.Start()
	b.t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(b.t, s.ReadyForConnections(patience))
	b.url = s.ClientURL()
	return b
}

func (b *bench) connect() *nats.Conn {
	b.t.Helper()
	nc, err := broker.Connect(b.ctx, broker.Config{URL: b.url})
	require.NoError(b.t, err)
	b.t.Cleanup(nc.Close)
	return nc
}

// client connects a client, which makes its queue.
func (b *bench) client(options ...producer.Option) *producer.Client {
	b.t.Helper()
	c, err := producer.Connect(b.ctx, b.url, append(options, producer.WithLogger(slog.New(slog.DiscardHandler)))...)
	require.NoError(b.t, err)
	b.t.Cleanup(func() {
		ended, end := context.WithCancel(context.Background())
		end()
		_ = c.Close(ended) // what is still pending is none of the test's concern
	})
	return c
}

// host starts a worker host, waits until it serves, and returns what ends it.
func (b *bench) host() (end func()) {
	b.t.Helper()
	ready := make(chan int, 100)
	h, err := pool.Start(b.ctx, pool.Config{
		URL: b.url, Processes: 1, Logger: slog.New(slog.NewTextHandler(b.t.Output(), nil)), Stdout: b.t.Output(), Stderr: b.t.Output(),
		Listener: pool.Listener{Ready: func(pid int) { ready <- pid }},
	})
	require.NoError(b.t, err)
	b.t.Cleanup(h.Kill)
	select {
	case <-ready:
	case <-b.ctx.Done():
		require.Fail(b.t, "the host does not get ready")
	}
	return h.Kill
}

// pretend answers as a worker host that is well but for what spoil does.
func (b *bench) pretend(id string, spoil func(*codec.HostStatus)) {
	b.t.Helper()
	nc := b.connect()
	_, err := nc.Subscribe(broker.WatchSubject, func(*nats.Msg) {
		status := codec.HostStatus{
			ID: id, Host: "host-" + id[:1], Queue: "default", Version: "v1", State: codec.HostServing,
			Sent: time.Now(), Want: 1, Funcs: []string{"double"},
		}
		spoil(&status)
		data, err := json.Marshal(status)
		if err == nil {
			err = nc.Publish(broker.HostSubject(id), data)
		}
		if err != nil {
			b.t.Error(err)
		}
	})
	require.NoError(b.t, err)
	require.NoError(b.t, nc.FlushWithContext(b.ctx))
}

func (b *bench) examine() findings { return b.examineWith(doctor.Config{}) }

func (b *bench) examineWith(cfg doctor.Config) findings {
	b.t.Helper()
	if cfg.URL == "" {
		cfg.URL = b.url
	}
	return findings{b.t, doctor.Examine(b.ctx, cfg)}
}

type findings struct {
	t   *testing.T
	all []doctor.Finding
}

// requires checks that there is a finding, which says something and, unless all is
// well, has a mend.
func (f findings) requires(check doctor.Check, level doctor.Level, about, saw string) {
	f.t.Helper()
	for _, found := range f.all {
		if found.Check == check && found.Level == level && found.About == about && matched(saw, found.Saw) {
			require.Equal(f.t, level == doctor.OK, found.Mend == "", found)
			return
		}
	}
	require.Failf(f.t, "no such finding", "%s %s %s %s in\n%s", check, level, about, saw, f)
}

// requiresNo checks that nothing is wrong of a kind.
func (f findings) requiresNo(level doctor.Level, checks ...doctor.Check) {
	f.t.Helper()
	for _, found := range f.all {
		if found.Level != level {
			continue
		}
		for _, check := range checks {
			require.NotEqual(f.t, check, found.Check, f)
		}
		require.NotEmpty(f.t, checks, f)
	}
}

func (f findings) String() (all string) {
	for _, found := range f.all {
		all += fmt.Sprintf("%+v\n", found)
	}
	return all
}
