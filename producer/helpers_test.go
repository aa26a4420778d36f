package producer_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/producer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, sourcing) }

// sourcing leaves out what a server that is shut down while a stream begins to
// fetch from another leaves behind for up to 5 seconds.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

var (
	double = codec.NewFunc[int, int]("double")
	ended  = func() context.Context {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx
	}()
)

// fake is a transport whose tasks are run by the test: it settles futures by
// hand, by the tasks' numbers.
type fake struct {
	payload int                                           // default 1 MiB
	store   func(stored func(error))                      // default: stored, by a goroutine
	run     func(t *codec.Task) *codec.Outcome            // what a task comes to at once; nil for nothing
	refuse  func(ctx context.Context, queue string) error // of Queue

	mu      sync.Mutex
	to      transport.Receiver
	client  string
	batches []sent
	cancels []cancelled
	shelf   shelf
	running []byte // how a host answers AskCancel
	objects *objectShelf
	closed  int
	calls   sync.WaitGroup

	receiving sync.RWMutex // for reading while the receiver is called
}

type sent struct {
	queue string
	lane  producer.Lane
	at    time.Time
	size  int
	tasks []codec.Task
}

type cancelled struct {
	queue   string
	client  string
	running bool
	tasks   []uint64
}

func (f *fake) Open(_ context.Context, client string, to transport.Receiver) error {
	f.client, f.to = client, to
	return nil
}

func (f *fake) Queue(ctx context.Context, queue string) error {
	if f.refuse != nil {
		return f.refuse(ctx, queue)
	}
	return nil
}

func (f *fake) Send(b transport.Batch, stored func(error)) {
	var batch codec.Batch
	if err := batch.Decode(bytes.Clone(b.Data)); err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches = append(f.batches, sent{b.Queue, producer.Lane(b.Lane), b.At, len(b.Data), batch.Tasks})
	if f.store != nil {
		f.store(stored)
	} else {
		f.calls.Go(func() { stored(nil) })
	}
	if f.run == nil {
		return
	}
	message := codec.NewOutcomes(f.client, nil)
	for i := range batch.Tasks {
		if o := f.run(&batch.Tasks[i]); o != nil {
			o.N = batch.Tasks[i].N
			message.Add(o)
		}
	}
	if message.Len() > 0 {
		f.calls.Go(func() { f.must(f.to.Outcomes(message.Bytes())) })
	}
}

func (f *fake) Local() transport.LocalHost { return nil }

func (f *fake) Cancel(queue string, request []byte) error {
	ids, running, err := codec.ReadCancel(request)
	if err != nil {
		return err
	}
	c := cancelled{queue: queue, running: running}
	for _, id := range ids {
		c.client = id.Client
		c.tasks = append(c.tasks, id.N)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancels = append(f.cancels, c)
	return nil
}

func (f *fake) AskCancel(_ context.Context, request []byte) error {
	f.shelf.mu.Lock()
	err, running := f.shelf.err, f.running
	f.shelf.mu.Unlock()
	if err != nil {
		return err
	}
	if running != nil {
		f.must(0, f.to.Running(running))
	}
	return f.Cancel("", request)
}

func (f *fake) Objects() transport.Objects {
	if f.objects == nil {
		return nil
	}
	return f.objects
}

func (f *fake) MaxPayload() int {
	if f.payload > 0 {
		return f.payload
	}
	return 1 << 20
}

func (f *fake) Trouble() string { return "" }

func (f *fake) Close() {
	f.calls.Wait()
	f.receiving.Lock()
	defer f.receiving.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

func (f *fake) must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}

// settle sends a task its outcome, as its worker would.
func (f *fake) settle(id codec.ID, o codec.Outcome) {
	f.receiving.RLock()
	defer f.receiving.RUnlock()
	o.N = id.N
	message := codec.NewOutcomes(f.client, nil)
	message.Add(&o)
	f.must(f.to.Outcomes(message.Bytes()))
}

func (f *fake) succeed(id codec.ID, value any) { f.settle(id, valued(value)) }

func (f *fake) fail(id codec.ID, message string) {
	f.settle(id, codec.Outcome{Failure: &codec.Failure{Code: codec.CodeError, Type: "*errors.errorString", Message: message}})
}

func (f *fake) start(id codec.ID) {
	if err := f.to.Started(codec.AppendStarted(nil, &codec.Started{N: id.N, Attempt: 1, Host: "h", PID: 1})); err != nil {
		panic(err)
	}
}

func (f *fake) sent() []sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]sent(nil), f.batches...)
}

func (f *fake) cancelRequests() []cancelled {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]cancelled(nil), f.cancels...)
}

func valued(value any) codec.Outcome {
	encoded, err := codec.AppendValue(nil, value)
	if err != nil {
		panic(err)
	}
	return codec.Outcome{Value: encoded}
}

// doubled runs a task of double.
func doubled(t *codec.Task) *codec.Outcome {
	n, err := double.Arg(t.Arg)
	if err != nil {
		return &codec.Outcome{Failure: &codec.Failure{Code: codec.CodeArgument, Message: err.Error()}}
	}
	o := valued(2 * n)
	return &o
}

// connect returns a client over f, which is closed when the test ends.
func connect(t testing.TB, f *fake, options ...producer.Option) *producer.Client {
	t.Helper()
	c, err := producer.New(t.Context(), f, options...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(ended) })
	return c
}

func submit(t testing.TB, c *producer.Client, arg int, options ...producer.CallOption) *producer.Future[int] {
	t.Helper()
	f, err := producer.Submit(t.Context(), c, double, arg, options...)
	require.NoError(t, err)
	return f
}

// submitN submits n calls.
func submitN(t testing.TB, c *producer.Client, n int) []*producer.Future[int] {
	t.Helper()
	futures := make([]*producer.Future[int], n)
	for i := range futures {
		futures[i] = submit(t, c, i)
	}
	return futures
}

// logged returns an option with a logger, and what it wrote.
func logged() (producer.Option, *log) {
	l := &log{}
	return producer.WithLogger(slog.New(slog.NewJSONHandler(l, nil))), l
}

type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// records returns the number of records that contain text.
func (l *log) records(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.buf.Bytes()) {
		if bytes.Contains(line, []byte(text)) {
			n++
		}
	}
	return n
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
