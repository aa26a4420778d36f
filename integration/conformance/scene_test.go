package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// nobody is a queue without workers: what is submitted to it stays pending.
const nobody = "fwm-nobody"

type future = producer.Future[int]

// scene is one test's futures: a client of its own of the theme's pool.
type scene struct {
	*testing.T
	ctx    context.Context // ends with the test's patience
	url    string          // of the broker
	client *producer.Client
	dir    string
	gates  []string
	marked int // calls of marking
}

// newScene sets a scene. At the end of the test its gates are opened, and its
// client must come to rest.
func newScene(t *testing.T, p *pool.Pool, options ...producer.Option) *scene {
	t.Helper()
	s := &scene{T: t, ctx: soon(t), url: p.Supervisor().URL(), dir: t.TempDir()}
	var err error
	s.client, err = producer.Connect(s.ctx, s.url, options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, gate := range s.gates {
			s.open(gate)
		}
		cancels(s, s.client.CancelPending)
		require.NoError(t, s.client.Close(ctx), "a future, or a callback, does not end")
	})
	return s
}

// gate returns the name of a file that a task can wait for.
func (s *scene) gate() string {
	gate := filepath.Join(s.dir, fmt.Sprint("gate", len(s.gates)))
	s.gates = append(s.gates, gate)
	return gate
}

// open lets a task go on.
func (s *scene) open(gate string) {
	s.Helper()
	require.NoError(s, os.WriteFile(gate, nil, 0o600))
}

// submit submits a job.
func (s *scene) submit(j job, options ...producer.CallOption) *future {
	s.Helper()
	f, err := producer.Submit(s.ctx, s.client, perform, j, options...)
	require.NoError(s, err)
	return f
}

// blocked returns the future of a task that waits for its gate.
func (s *scene) blocked() *future {
	s.Helper()
	return s.submit(job{Gate: s.gate()})
}

func (s *scene) pending() *future {
	s.Helper()
	return s.submit(job{}, producer.Queue(nobody))
}

func (s *scene) running() *future {
	s.Helper()
	f := s.blocked()
	s.until(f, producer.Running)
	return f
}

func (s *scene) cancelled() *future {
	s.Helper()
	f := s.pending()
	require.True(s, cancels(s, f.Cancel))
	return f
}

// noticed returns a cancelled future that has been waited for, the other of the
// two cancelled states in Python.
func (s *scene) noticed() *future {
	s.Helper()
	f := s.cancelled()
	done, _, err := producer.Wait(s.ctx, producer.AllCompleted, f)
	require.NoError(s, err)
	require.Equal(s, []*future{f}, done)
	return f
}

func (s *scene) failed() *future {
	s.Helper()
	f := s.submit(job{Fail: "failed"})
	s.until(f, producer.Finished)
	return f
}

func (s *scene) succeeded() *future {
	s.Helper()
	f := s.submit(job{Value: 42})
	s.until(f, producer.Finished)
	return f
}

// until waits for a state of a future.
func (s *scene) until(f *future, state producer.State) {
	s.Helper()
	s.eventually(func() bool { return f.State() == state }, "%s should be %s", f, state)
}

func (s *scene) eventually(ok func() bool, why string, args ...any) {
	s.Helper()
	require.Eventually(s, ok, patience, 2*time.Millisecond, append([]any{why}, args...)...)
}

// wait waits for a channel to be closed.
func (s *scene) wait(done <-chan struct{}, why string) {
	s.Helper()
	select {
	case <-done:
	case <-s.ctx.Done():
		require.Fail(s, why)
	}
}

// receive takes what somebody sends.
func receive[T any](s *scene, from <-chan T) T {
	s.Helper()
	select {
	case value := <-from:
		return value
	case <-s.ctx.Done():
		require.Fail(s, "nothing is sent")
		panic("unreachable")
	}
}

// reply plays a worker of the queue nobody: it sends outcomes of a future and
// returns when the client has taken them.
func (s *scene) reply(outcomes ...codec.Outcome) {
	s.Helper()
	nc, err := nats.Connect(s.url)
	require.NoError(s, err)
	defer nc.Close()
	message := codec.NewOutcomes(s.client.ID(), nil)
	for i := range outcomes {
		message.Add(&outcomes[i])
	}
	receipt, err := nc.RequestWithContext(s.ctx, "muster.reply."+s.client.ID()+".outcome", message.Bytes())
	require.NoError(s, err)
	taken, err := codec.ReadReceipt(receipt.Data)
	require.NoError(s, err)
	require.Equal(s, len(outcomes), taken)
}

// withValue is an outcome of a future, and withFailure another.
func withValue(f *future, value int) codec.Outcome {
	data, err := codec.AppendValue(nil, value)
	if err != nil {
		panic(err)
	}
	return codec.Outcome{N: f.ID().N, Value: data}
}

func withFailure(f *future, message string) codec.Outcome {
	return codec.Outcome{N: f.ID().N, Failure: &codec.Failure{Code: codec.CodeError, Type: "fault", Message: message}}
}

// waited is a context that tells when somebody begins to wait for its end, which
// is when what he waits for was not there.
type waited struct {
	context.Context
	once    sync.Once
	waiting chan struct{}
}

func newWaited(ctx context.Context) *waited {
	return &waited{Context: ctx, waiting: make(chan struct{})}
}

func (w *waited) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waiting) })
	return w.Context.Done()
}

// expiring is a context whose deadline comes when the test says so.
type expiring struct {
	context.Context
	done chan struct{}
}

func newExpiring(ctx context.Context) *expiring { return &expiring{ctx, make(chan struct{})} }

func (e *expiring) expire()               { close(e.done) }
func (e *expiring) Done() <-chan struct{} { return e.done }

func (e *expiring) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// requireFreed requires that nothing holds a value any more.
func requireFreed[T any](s *scene, value weak.Pointer[T]) {
	s.Helper()
	s.eventually(func() bool { runtime.GC(); return value.Value() == nil }, "something holds the value")
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
