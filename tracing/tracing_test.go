package tracing_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
	"github.com/musterfleet/muster/tracing"
)

var (
	double = codec.NewFunc[int, int]("double")
	// quadruple calls double twice, from inside its task.
	quadruple = codec.NewFunc[int, int]("quadruple")
	// die kills its process the first time.
	die = codec.NewFunc[string, int]("die")
)

const (
	patience = 60 * time.Second
	// spansEnv names the file that worker processes write their spans to.
	spansEnv = "TRACING_TEST_SPANS"
)

// memory has the spans of the test's own process: its client's, and those that its
// supervisor tells.
var memory = tracetest.NewInMemoryExporter()

// provider is of this process, be it the test's or a worker's.
var provider = sdk.NewTracerProvider(sdk.WithSyncer(exporter()))

func exporter() sdk.SpanExporter {
	if name := os.Getenv(spansEnv); name != "" {
		return file(name)
	}
	return memory
}

// TestMain makes the test binary the program of the worker processes too.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(quadruple, func(ctx context.Context, n int) (int, error) {
		c, err := pool.Client(ctx, tracing.Client(provider))
		if err != nil {
			return 0, err
		}
		for range 2 {
			f, err := producer.Submit(ctx, c, double, n)
			if err != nil {
				return 0, err
			}
			if n, err = f.Result(ctx); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	consumer.Handle(die, func(_ context.Context, mark string) (int, error) {
		if _, err := os.Stat(mark); err != nil {
			must(os.WriteFile(mark, nil, 0o600))
			must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
		return 1, nil
	})
	consumer.Observe(tracing.Worker(provider))
	pool.Main()
	os.Exit(m.Run())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// span is what a test looks at.
type span struct {
	Name, Trace, ID, Parent, Status string
	Attributes                      map[string]string
	Start, End                      time.Time
}

func spanOf(s sdk.ReadOnlySpan) span {
	all := span{
		Name: s.Name(), Trace: s.SpanContext().TraceID().String(), ID: s.SpanContext().SpanID().String(),
		Parent: s.Parent().SpanID().String(), Status: s.Status().Code.String(),
		Attributes: map[string]string{}, Start: s.StartTime(), End: s.EndTime(),
	}
	for _, kv := range s.Attributes() {
		all.Attributes[string(kv.Key)] = kv.Value.String()
	}
	return all
}

// file is an exporter that appends a line of JSON for each span.
type file string

func (f file) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	to, err := os.OpenFile(string(f), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	for _, s := range spans {
		if err := json.NewEncoder(to).Encode(spanOf(s)); err != nil {
			return err
		}
	}
	return nil
}

func (file) Shutdown(context.Context) error { return nil }

// scene is a pool whose worker processes write spans to a file.
type scene struct {
	t    *testing.T
	ctx  context.Context
	file string
	pool *pool.Pool
}

func newScene(t *testing.T, options ...producer.Option) *scene {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	memory.Reset()
	s := &scene{t: t, ctx: ctx, file: filepath.Join(t.TempDir(), "spans")}
	var err error
	s.pool, err = pool.Local(ctx, pool.Processes(2), pool.Env(spansEnv+"="+s.file), pool.WithClient(options...),
		pool.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.pool.Close(ctx)) })
	return s
}

// spans waits until there are spans of these names, and returns all, in the order of
// their starts.
func (s *scene) spans(want ...string) (all []span) {
	s.t.Helper()
	slices.Sort(want)
	require.EventuallyWithT(s.t, func(t *assert.CollectT) {
		all = nil
		for _, stub := range memory.GetSpans().Snapshots() {
			all = append(all, spanOf(stub))
		}
		if f, err := os.Open(s.file); err == nil {
			defer f.Close()
			for lines := bufio.NewScanner(f); lines.Scan(); {
				var one span
				require.NoError(t, json.Unmarshal(lines.Bytes(), &one))
				all = append(all, one)
			}
		}
		var names []string
		for _, one := range all {
			names = append(names, one.Name)
		}
		slices.Sort(names)
		require.Equal(t, want, names)
	}, patience, 5*time.Millisecond)
	slices.SortFunc(all, func(a, b span) int { return a.Start.Compare(b.Start) })
	return all
}

func named(all []span, name string) (some []span) {
	for _, one := range all {
		if one.Name == name {
			some = append(some, one)
		}
	}
	return some
}

func TestOneTraceFromSubmitToHandOff(t *testing.T) {
	s := newScene(t, tracing.Client(provider))
	ctx, root := provider.Tracer("test").Start(s.ctx, "root")
	f, err := producer.Submit(ctx, s.pool.Client(), double, 21, producer.Header(map[string]string{"mine": "too"}))
	require.NoError(t, err)
	require.NoError(t, f.Err(s.ctx))
	root.End()

	all := s.spans("root", "publish double", "process double", "settle double")
	publish, process, settle := named(all, "publish double")[0], named(all, "process double")[0], named(all, "settle double")[0]
	for _, one := range all {
		require.Equal(t, root.SpanContext().TraceID().String(), one.Trace, one.Name)
	}
	require.Equal(t, root.SpanContext().SpanID().String(), publish.Parent)
	require.Equal(t, publish.ID, process.Parent)
	require.Equal(t, process.ID, settle.Parent)
	require.Equal(t, f.ID().String(), publish.Attributes["muster.task.id"])
	require.Equal(t, f.ID().String(), process.Attributes["muster.task.id"])
	require.Equal(t, "default", process.Attributes["messaging.destination.name"])
	require.Equal(t, "nats", process.Attributes["messaging.system"])
	require.Equal(t, "double", process.Attributes["muster.func"])
	require.Equal(t, "1", process.Attributes["muster.attempt"])
	require.NotEmpty(t, process.Attributes["host.name"])
	require.NotEqual(t, fmt.Sprint(os.Getpid()), process.Attributes["process.pid"])
	require.False(t, settle.Start.Before(process.End))
}

// An attempt that ended with its process is told by the supervisor, in the trace
// of the one that went well.
func TestTraceOverACrash(t *testing.T) {
	s := newScene(t, tracing.Client(provider))
	f, err := producer.Submit(s.ctx, s.pool.Client(), die, filepath.Join(t.TempDir(), "mark"))
	require.NoError(t, err)
	require.NoError(t, f.Err(s.ctx))

	all := s.spans("publish die", "process die", "process die", "settle die")
	attempts := named(all, "process die")
	require.Equal(t, "1", attempts[0].Attributes["muster.attempt"])
	require.Equal(t, "worker_died", attempts[0].Attributes["error.type"])
	require.Equal(t, "Error", attempts[0].Status)
	require.Equal(t, "2", attempts[1].Attributes["muster.attempt"])
	require.Empty(t, attempts[1].Attributes["error.type"])
	require.NotEqual(t, attempts[0].Attributes["process.pid"], attempts[1].Attributes["process.pid"])
	publish := named(all, "publish die")[0]
	for _, one := range attempts {
		require.Equal(t, publish.Trace, one.Trace)
		require.Equal(t, publish.ID, one.Parent)
	}
	require.Equal(t, attempts[1].ID, named(all, "settle die")[0].Parent)
}

// Calls from inside a task stand below it.
func TestNestedCallsStandBelowTheirTask(t *testing.T) {
	s := newScene(t, tracing.Client(provider))
	f, err := producer.Submit(s.ctx, s.pool.Client(), quadruple, 1)
	require.NoError(t, err)
	require.NoError(t, f.Err(s.ctx))

	all := s.spans("publish quadruple", "process quadruple", "settle quadruple",
		"publish double", "process double", "settle double", "publish double", "process double", "settle double")
	outer := named(all, "process quadruple")[0]
	for _, inner := range named(all, "publish double") {
		require.Equal(t, outer.ID, inner.Parent)
		require.Equal(t, outer.Trace, inner.Trace)
	}
}

// A Map is one span, with its tasks below it.
func TestMapIsOneSpan(t *testing.T) {
	s := newScene(t, tracing.Client(provider))
	results, err := producer.Collect(producer.Map(s.ctx, s.pool.Client(), double, slices.Values([]int{1, 2, 3})))
	require.NoError(t, err)
	require.Equal(t, []int{2, 4, 6}, results)
	all := s.spans("publish double", "process double", "process double", "process double",
		"settle double", "settle double", "settle double")
	publish := named(all, "publish double")[0]
	require.Equal(t, "true", publish.Attributes["muster.map"])
	for _, one := range named(all, "process double") {
		require.Equal(t, publish.ID, one.Parent)
	}
}

// What nobody traces, or the sampler has left out, makes no span.
func TestUntracedTasksMakeNoSpan(t *testing.T) {
	silent := sdk.NewTracerProvider(sdk.WithSyncer(memory), sdk.WithSampler(sdk.NeverSample()))
	for name, options := range map[string][]producer.Option{
		"no tracing": nil, "not sampled": {tracing.Client(silent)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, options...)
			f, err := producer.Submit(s.ctx, s.pool.Client(), double, 21)
			require.NoError(t, err)
			require.NoError(t, f.Err(s.ctx))
			require.NoError(t, s.pool.Close(s.ctx)) // then everything is handed off
			require.Empty(t, s.spans())
		})
	}
}

// A submit that fails says so.
func TestSpanOfARefusedSubmit(t *testing.T) {
	s := newScene(t, tracing.Client(provider))
	_, err := producer.Submit(s.ctx, s.pool.Client(), double, 21, producer.Header(nil))
	require.NoError(t, err)
	_, err = producer.Submit(s.ctx, s.pool.Client(), stubborn, refuses{})
	require.ErrorIs(t, err, codec.ErrEncode)
	refused := named(s.spans("publish stubborn", "publish double", "process double", "settle double"), "publish stubborn")
	require.Equal(t, "Error", refused[0].Status)
}

var stubborn = codec.NewFunc[refuses, int]("stubborn")

// refuses is an argument that cannot be sent.
type refuses struct{}

func (refuses) EncodeMsgpack(*msgpack.Encoder) error { return errors.New("as asked") }
