package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/metrics"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	double = codec.NewFunc[int, int]("double")
	fail   = codec.NewFunc[int, int]("fail")
	// die kills its process the first time.
	die = codec.NewFunc[string, int]("die")
)

// patience bounds every wait of a test.
const patience = 60 * time.Second

// TestMain makes the test binary the program of the worker processes too.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(fail, func(context.Context, int) (int, error) { return 0, errors.New("as asked") })
	consumer.Handle(die, func(_ context.Context, mark string) (int, error) {
		if _, err := os.Stat(mark); err != nil {
			must(os.WriteFile(mark, nil, 0o600))
			must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
		return 1, nil
	})
	pool.Main()
	code := m.Run()
	// What a server leaves behind for some seconds that is shut down while a
	// stream begins to fetch from another.
	sourcing := goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")
	if err := goleak.Find(sourcing); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// scene is a pool that has done some work, with every collector there is.
type scene struct {
	t       *testing.T
	ctx     context.Context
	pool    *pool.Pool
	fleet   *fleet.Fleet
	handler *metrics.Handler
}

// work is what the pool of a scene has done.
const values = 10

func newScene(t *testing.T) *scene {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &scene{t: t, ctx: ctx}
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	var err error
	s.pool, err = pool.Local(ctx, pool.Processes(2), pool.WithLogger(logger), pool.MemoryLimit(1<<30))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.pool.Close(ctx)) })
	s.fleet, err = fleet.Connect(ctx, s.pool.URL(), fleet.WithLogger(logger))
	require.NoError(t, err)
	t.Cleanup(s.fleet.Close)
	s.handler, err = metrics.NewHandler(metrics.Client(s.pool.Client()), metrics.Queues(s.fleet))
	require.NoError(t, err)
	return s
}

// work has the pool come to values, a failure, a death and a stored outcome.
func (s *scene) work() {
	for n := range values - 2 {
		f, err := producer.Submit(s.ctx, s.pool.Client(), double, n)
		require.NoError(s.t, err)
		require.NoError(s.t, f.Err(s.ctx))
	}
	kept, err := producer.Submit(s.ctx, s.pool.Client(), double, 1, producer.Retain(time.Minute))
	require.NoError(s.t, err)
	require.NoError(s.t, kept.Err(s.ctx))
	bad, err := producer.Submit(s.ctx, s.pool.Client(), fail, 1)
	require.NoError(s.t, err)
	require.Error(s.t, bad.Err(s.ctx))
	require.Eventually(s.t, func() bool { // what is not known to have arrived would run again
		for _, p := range s.pool.Supervisor().Status().Processes {
			if p.Held > 0 {
				return false
			}
		}
		return true
	}, patience, time.Millisecond)
	hurt, err := producer.Submit(s.ctx, s.pool.Client(), die, s.t.TempDir()+"/mark")
	require.NoError(s.t, err)
	require.NoError(s.t, hurt.Err(s.ctx))
	require.Eventually(s.t, func() bool {
		status := s.pool.Supervisor().Status()
		return len(status.Latest) == 1 && status.HandOffs == codec.HandOffs{Direct: values, Stored: 1}
	}, patience, time.Millisecond)
}

// get returns a page of the handler.
func (s *scene) get(path string) (int, string) {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestLiveMetrics(t *testing.T) {
	s := newScene(t)
	code, text := s.get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "starting\n", text)
	s.handler.Started(s.pool.Supervisor())
	code, text = s.get("/readyz")
	require.Equal(t, http.StatusOK, code, text)
	s.work()

	code, page := s.get("/metrics")
	require.Equal(t, http.StatusOK, code)
	for _, line := range []string{
		`muster_attempts_total{func="double"} 9`,
		`muster_attempts_total{func="fail"} 1`,
		`muster_attempts_total{func="die"} 2`,
		`muster_attempts_failed_total{code="error",func="fail"} 1`,
		`muster_attempts_failed_total{code="worker_died",func="die"} 1`,
		`muster_task_run_seconds_count{func="double"} 9`,
		`muster_task_wait_seconds_bucket{func="double",le="+Inf"} 9`,
		`muster_deaths_total{cause="signal"} 1`,
		`muster_deaths_total{cause="out_of_memory"} 0`,
		`muster_handoffs_total{way="direct"} 10`,
		`muster_handoffs_total{way="stored"} 1`,
		`muster_host_state{state="serving"} 1`,
		`muster_host_state{state="draining"} 0`,
		`muster_host_connected 1`,
		`muster_processes_wanted 2`,
		`muster_process_memory_limit_bytes 1.073741824e+09`,
		`muster_client_futures_pending 0`,
		`muster_client_tasks_submitted_total 11`,
		`muster_client_outcomes_total{outcome="value"} 10`,
		`muster_client_outcomes_total{outcome="error"} 1`,
		`muster_client_outcomes_total{outcome="cancelled"} 0`,
		`muster_client_handoffs_total{way="direct"} 10`,
		`muster_client_handoffs_total{way="stored"} 1`,
		`muster_client_publishes_total 11`,
		`muster_queues_up 1`,
		`muster_queue_messages_waiting{lane="normal",queue="default"} 0`,
		`muster_queue_dead_letters{queue="default"} 0`,
		`muster_queue_paused{lane="high",queue="default"} 0`,
	} {
		require.Contains(t, page, "\n"+line+"\n")
	}
	require.Regexp(t, `\nmuster_process_resident_bytes\{place="[01]"\} [1-9]`, page)
	require.Regexp(t, `\nmuster_host_info\{host="[^"]+",id="[a-z0-9]{8}",queue="default",version="[^"]*"\} 1\n`, page)
}

// What Prometheus's own checker thinks of names, help texts and units.
func TestConventions(t *testing.T) {
	s := newScene(t)
	s.work()
	for _, c := range []prometheus.Collector{
		metrics.Host(s.pool.Supervisor()), metrics.Client(s.pool.Client()), metrics.Queues(s.fleet),
	} {
		registry := prometheus.NewPedanticRegistry()
		require.NoError(t, registry.Register(c))
		problems, err := testutil.GatherAndLint(registry)
		require.NoError(t, err)
		require.Empty(t, problems)
	}
}

// The tasks that wait are in the figures, and their age.
func TestQueueThatWaits(t *testing.T) {
	s := newScene(t)
	client, err := producer.Connect(s.ctx, s.pool.URL())
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close(s.ctx)) }()
	require.NoError(t, s.fleet.Pause(s.ctx, "default"))
	f, err := producer.Submit(s.ctx, client, double, 1)
	require.NoError(t, err)
	require.NoError(t, client.Flush(s.ctx))
	c := metrics.Queues(s.fleet, "default", "no_such_queue")
	require.Eventually(t, func() bool { return gauge(t, c, "muster_queue_oldest_seconds") > 0 }, patience, 50*time.Millisecond)
	require.EqualValues(t, 1, gauge(t, c, "muster_queue_messages_waiting"))
	require.EqualValues(t, 3, gauge(t, c, "muster_queue_paused"))
	require.NoError(t, s.fleet.Resume(s.ctx, "default"))
	require.NoError(t, f.Err(s.ctx))
}

// A broker that is gone is told, in bounded time.
func TestQueuesWithoutBroker(t *testing.T) {
	s := newScene(t)
	s.fleet.Close()
	c := metrics.Queues(s.fleet)
	require.Zero(t, gauge(t, c, "muster_queues_up"))
	require.Equal(t, 1, testutil.CollectAndCount(c))
}

func gauge(t *testing.T, c prometheus.Collector, name string) (sum float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(c))
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += value(m)
			}
		}
	}
	return sum
}

func value(m *dto.Metric) float64 {
	if m.Counter != nil {
		return m.GetCounter().GetValue()
	}
	return m.GetGauge().GetValue()
}

// A host that drains is alive, not ready, and goes on telling how it stands.
func TestReadyUntilItDrains(t *testing.T) {
	s := newScene(t)
	s.handler.Started(s.pool.Supervisor())
	s.handler.Started(s.pool.Supervisor()) // as after a roll that failed
	server := httptest.NewServer(s.handler)
	defer server.Close()
	code, text := s.get("/readyz")
	require.Equal(t, http.StatusOK, code, text)
	require.NoError(t, s.pool.Supervisor().Drain(s.ctx))
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "no connection", "/metrics": `muster_host_state{state="stopped"} 1`} {
		answer, err := server.Client().Get(server.URL + path)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Contains(t, string(body), want)
		require.Equal(t, strings.HasPrefix(path, "/ready"), answer.StatusCode == http.StatusServiceUnavailable)
	}
}
