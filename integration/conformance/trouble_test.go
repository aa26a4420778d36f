package conformance

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func init() { roles["sk host"] = hostToKill }

// connect connects to a pool's broker.
func connect(t testing.TB, p *pool.Pool) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(p.Supervisor().URL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// stream returns a stream of a pool's broker.
func stream(t testing.TB, p *pool.Pool, name string) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(connect(t, p))
	require.NoError(t, err)
	s, err := js.Stream(soon(t), name)
	require.NoError(t, err)
	return s
}

// onLog returns a logger that calls f when it is told something that contains
// text.
func onLog(text string, f func()) *slog.Logger {
	return slog.New(logHandler{slog.DiscardHandler, text, f})
}

type logHandler struct {
	slog.Handler
	text string
	f    func()
}

func (h logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.text) {
		h.f()
	}
	return nil
}

func TestTrouble(t *testing.T) {
	p := start(t, 2)
	c := p.Client()

	// All of 100 calls come to their results though the client's receiver stalls
	// meanwhile: here longer than workers wait for its receipts, so that they
	// store every outcome instead. Its logger is what it waits for.
	t.Run("K16", func(t *testing.T) {
		begun, end := make(chan struct{}), make(chan struct{})
		c, err := producer.Connect(soon(t), p.Supervisor().URL(), producer.WithLogger(
			onLog("does not read", func() { close(begun); <-end })))
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close(soon(t))) }()
		require.NoError(t, connect(t, p).Publish(broker.ReplySubject(c.ID()), []byte("no outcome")))
		await(t, begun)

		var futures []*producer.Future[int]
		for i := range 100 {
			f, err := producer.Submit(soon(t), c, pow, [2]int{i, 1})
			require.NoError(t, err)
			futures = append(futures, f)
		}
		results := stream(t, p, broker.ResultsStream)
		eventually(t, func() bool {
			info, err := results.Info(soon(t), jetstream.WithSubjectFilter(broker.ResultWildcard(c.ID())))
			return err == nil && len(info.State.Subjects) == 100
		}, "workers to store the outcomes")
		require.Equal(t, 100, c.Pending())
		close(end)
		for i, f := range futures {
			result, err := f.Result(soon(t))
			require.NoError(t, err)
			require.Equal(t, i, result)
		}
		require.Zero(t, c.Pending())
	})

	// The next task works though an idle worker was killed while the pool was
	// being resized: also one that is on its way to it then, though that one
	// waits for its lease to end.
	t.Run("K20", func(t *testing.T) {
		var dead sync.Map // process ids
		p := start(t, 1, pool.WithListener(pool.Listener{Died: func(d pool.Death) { dead.Store(d.PID, true) }}))
		c, s := p.Client(), p.Supervisor()
		for i, size := range []int{2, 1, 2, 1, 2, 1} {
			require.NotZero(t, pidOf(t, submitErrand(t, c, errand{})))
			victim := s.PIDs()[0]
			resized := make(chan error, 1)
			go func() { resized <- s.Resize(soon(t), size) }()
			require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
			if i > 0 {
				eventually(t, func() bool { _, gone := dead.Load(victim); return gone }, "the supervisor to see it dead")
			}
			require.Equal(t, 42, call(t, c, pow, [2]int{42, 1}))
			require.NoError(t, await(t, resized))

			at := newScratch(t)
			all := submitErrands(t, c, size, errand{Started: at.file("started"), Until: at.file("go")})
			pids := at.await("started", size)
			at.open("go")
			for _, f := range all {
				require.Contains(t, pids, pidOf(t, f))
			}
			require.NotContains(t, pids, victim)
			require.ElementsMatch(t, pids, s.PIDs())
		}
	})

	// When the program that keeps the workers is killed, none of them is left, nor
	// what they have started: neither of the busy nor of the idle.
	t.Run("K24", func(t *testing.T) {
		s := newScratch(t)
		host := program(soon(t), "sk host", s.dir)
		require.NoError(t, host.Start())
		s.await("busy", 1)
		pids := append(s.await("workers", 3), s.await("children", 1)...)
		for _, pid := range pids {
			require.True(t, alive(pid), "process %d", pid)
		}
		require.NoError(t, host.Process.Kill())
		killed := time.Now()
		require.Error(t, host.Wait())
		requireGone(t, pids...)
		require.Less(t, time.Since(killed), 5*time.Second)
	})

	// Tasks whose every fetch kills the worker fail in bounded time, after as many
	// deaths as they may cause. The host holds no process back for them, so that other
	// tasks do not wait for it; then it serves.
	t.Run("K25", func(t *testing.T) {
		var deaths, waits atomic.Int64
		c := client(t, 1, pool.WithLogger(onLog("waiting before the next", func() { waits.Add(1) })),
			pool.WithListener(pool.Listener{Died: func(d pool.Death) {
				if !d.Expected {
					deaths.Add(1)
				}
			}}))
		var poison []*producer.Future[int]
		for range 2 {
			f, err := producer.Submit(soon(t), c, takeTrap, trap{At: "decode", How: "SIGKILL"}, producer.Crashes(2))
			require.NoError(t, err)
			poison = append(poison, f)
		}
		for _, f := range poison {
			var e *codec.WorkerDiedError
			require.ErrorAs(t, f.Err(soon(t)), &e)
			require.Equal(t, 2, e.Attempt)
			require.Equal(t, "SIGKILL", e.Signal)
		}
		require.NotZero(t, pidOf(t, submitErrand(t, c, errand{})))
		require.EqualValues(t, 4, deaths.Load())
		require.Zero(t, waits.Load())
	})

	// Replies that repeat, come late, or answer nobody change nothing.
	t.Run("K29", func(t *testing.T) {
		nc := connect(t, p)
		reply := func(client string, o codec.Outcome) {
			t.Helper()
			out := codec.NewOutcomes(client, nil)
			out.Add(&o)
			receipt, err := nc.RequestWithContext(soon(t), broker.ReplySubject(c.ID()), out.Bytes())
			require.NoError(t, err, "the client has taken it, and says so")
			taken, err := codec.ReadReceipt(receipt.Data)
			require.NoError(t, err)
			require.Equal(t, 1, taken)
		}
		value := func(n int) []byte {
			data, err := codec.AppendValue(nil, n)
			require.NoError(t, err)
			return data
		}
		var calls atomic.Int64
		submit := func(e errand, options ...producer.CallOption) *producer.Future[int] {
			f := submitErrand(t, c, e, options...)
			f.OnDone(func(*producer.Future[int]) { calls.Add(1) })
			return f
		}
		s := newScratch(t)
		killed := submit(errand{Started: s.file("busy"), Forever: true})
		succeeded := submit(errand{Started: s.file("busy"), Until: s.file("go")})
		s.await("busy", 2)
		cancelled := submit(errand{})
		require.True(t, cancels(t, cancelled.Cancel))
		require.True(t, cancels(t, killed.Kill))
		s.open("go")
		pid := pidOf(t, succeeded)
		late := submit(errand{Forever: true}, producer.Limit(1))
		require.ErrorIs(t, late.Err(soon(t)), codec.ErrTimeLimit)
		eventually(t, func() bool { return calls.Load() == 4 }, "the callbacks")

		futures := map[*producer.Future[int]]error{
			cancelled: codec.ErrCancelled, killed: codec.ErrCancelled, late: codec.ErrTimeLimit, succeeded: nil,
		}
		for f, want := range futures {
			state := f.State()
			for range 2 {
				reply(c.ID(), codec.Outcome{N: f.ID().N, Value: value(-1)})
				reply(c.ID(), codec.Outcome{N: f.ID().N, Failure: &codec.Failure{Code: codec.CodeError, Message: "late"}})
			}
			require.Equal(t, state, f.State())
			result, err := f.Result(soon(t))
			if want != nil {
				require.ErrorIs(t, err, want)
				require.Zero(t, result)
			} else {
				require.NoError(t, err)
				require.Equal(t, pid, result)
			}
		}
		require.EqualValues(t, 4, calls.Load())
		for _, unknown := range []uint64{1 << 20, 1<<63 + 1} {
			reply(c.ID(), codec.Outcome{N: unknown, Value: value(1)})
		}
		require.Zero(t, c.Pending())

		// The first reply to a task counts, whoever sends it; its worker's is late.
		f := submitErrand(t, c, errand{Started: s.file("first"), Until: s.file("second")})
		s.await("first", 1)
		for _, n := range []int{1, 2, 3} {
			reply(c.ID(), codec.Outcome{N: f.ID().N, Value: value(n)})
		}
		require.Equal(t, 1, pidOf(t, f))
		s.open("second")
		for range 2 {
			require.NotZero(t, call(t, c, runHarm, ""))
		}
		require.Equal(t, 1, pidOf(t, f))

		// What is for another client is not taken.
		out := codec.NewOutcomes("somebodyelse", nil)
		f = submitErrand(t, c, errand{})
		out.Add(&codec.Outcome{N: f.ID().N, Value: value(-1)})
		require.NoError(t, nc.Publish(broker.ReplySubject(c.ID()), out.Bytes()))
		require.Positive(t, pidOf(t, f))
	})
}

// hostToKill keeps three workers: one is idle, one is busy and ignores what can
// be ignored, and one has started a process.
func hostToKill() {
	dir := os.Getenv(dirEnv)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := pool.Local(ctx, pool.Processes(3))
	must(err)
	for _, pid := range p.Supervisor().PIDs() {
		must(note(dir+"/workers", pid))
	}
	for _, e := range []errand{
		{Started: dir + "/busy", Forever: true, Deaf: true, Stubborn: true},
		{Child: dir + "/children", Forever: true},
	} {
		_, err := producer.Submit(ctx, p.Client(), runErrand, e)
		must(err)
	}
	<-ctx.Done()
}
