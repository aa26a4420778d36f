package consumer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// patience bounds how long a test waits for what must come.
const patience = 30 * time.Second

// A worker needs a registered handler; those of a test are its own.
func init() {
	Handle(codec.NewFunc[int, int]("consumer.test.registered"), func(_ context.Context, n int) (int, error) { return n, nil })
}

// functions are the handlers of one test's worker.
type functions map[string]handler

func handle[A, R any](f functions, name string, h func(context.Context, A) (R, error)) {
	f[name] = typed(codec.NewFunc[A, R](name), h)
}

// supervisor is the test's end of a worker that serves in this process.
type supervisor struct {
	t        testing.TB
	worker   *Worker
	link     *link.Conn
	board    *scoreboard.Board
	bound    context.Context // ends when the test has waited for long enough
	ended    chan frame      // outcomes from the worker; closed at the end
	requests chan frame      // of large values, from the worker; closed at the end
	broken   chan error      // why the worker has given up its link
	drain    context.CancelFunc
	leave    func() Leaving // waits until the worker has left
}

// frame is a frame that the worker has sent.
type frame struct {
	kind     link.Kind
	run      uint64
	outcomes []link.Outcome
	value    link.Value
	file     *os.File
}

// connect returns both ends of a link.
func connect(t testing.TB) (a, b *link.Conn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	var ends [2]*link.Conn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "link")
		socket, err := net.FileConn(file)
		require.NoError(t, errors.Join(err, file.Close()))
		ends[i], err = link.New(socket)
		require.NoError(t, err)
		t.Cleanup(func() { _ = ends[i].Close() }) // it may be closed already
	}
	return ends[0], ends[1]
}

// boards returns both sides of a scoreboard.
func boards(t testing.TB) (ours, worker *scoreboard.Board) {
	ours, file, err := scoreboard.New()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ours.Close()) })
	worker, err = scoreboard.Open(file)
	require.NoError(t, errors.Join(err, file.Close()))
	t.Cleanup(func() { require.NoError(t, worker.Close()) })
	return ours, worker
}

// serve has a worker serve with a test's handlers.
func serve(t testing.TB, f functions, change ...func(*Config)) *supervisor {
	s := &supervisor{t: t, ended: make(chan frame, 1<<14), requests: make(chan frame, 64), broken: make(chan error, 2)}
	ours, theirs := connect(t)
	s.link = ours
	cfg := Config{
		Link: theirs, Queues: []string{"queue"}, PID: 7, MaxMessage: 1 << 20, Logger: slog.New(slog.DiscardHandler),
		Progress: func(uint64, int, codec.Progress) {},
		Lost:     func(err error) { s.broken <- err },
	}
	s.board, cfg.Board = boards(t)
	for _, c := range change {
		c(&cfg)
	}
	var err error
	s.worker, err = New(cfg)
	require.NoError(t, err)
	s.worker.functions = f

	var stop context.CancelFunc
	s.bound, stop = context.WithTimeout(context.Background(), patience)
	ctx, drain := context.WithCancel(context.Background())
	s.drain = drain
	left := make(chan Leaving, 1)
	go func() { left <- s.worker.Serve(ctx) }()
	var receivers sync.WaitGroup
	receivers.Go(s.receive)
	s.leave = sync.OnceValue(func() (why Leaving) {
		select {
		case why = <-left:
		case <-s.bound.Done():
			t.Error("the worker does not leave")
		}
		_ = theirs.Close()
		receivers.Wait()
		return why
	})
	t.Cleanup(func() {
		drain()
		s.stopAny()
		s.leave()
		stop()
	})
	return s
}

// stopAny stops what still runs when a test is over.
func (s *supervisor) stopAny() {
	s.worker.running.mu.Lock()
	defer s.worker.running.mu.Unlock()
	if task := s.worker.running.task; task != nil {
		task.stop(codec.CodeCancelled)
	}
}

// receive collects what the worker sends.
func (s *supervisor) receive() {
	defer close(s.ended)
	defer close(s.requests)
	for {
		f, err := s.link.Receive()
		if err != nil {
			s.link.Discard()
			return
		}
		got, to := frame{kind: f.Kind, file: f.File}, s.requests
		if f.Kind == link.KindOutcomes {
			to = s.ended
			got.run, got.outcomes, err = readOutcomes(f.Payload)
		} else {
			got.value, err = link.ReadValue(f.Payload)
		}
		if err != nil {
			s.t.Error(err)
			return
		}
		to <- got
	}
}

func readOutcomes(payload []byte) (run uint64, all []link.Outcome, err error) {
	r, err := link.ReadOutcomes(payload)
	if err != nil {
		return 0, nil, err
	}
	for {
		var o link.Outcome
		more, err := r.Next(&o)
		if !more || err != nil {
			return r.Run, all, err
		}
		o.Body = append([]byte{}, o.Body...)
		all = append(all, o)
	}
}

// hand sends a run without a word on the scoreboard.
func (s *supervisor) hand(id uint64, tasks ...codec.Task) {
	s.t.Helper()
	batch := codec.NewBatch("client", nil)
	for i := range tasks {
		if !tasks[i].Numbered {
			tasks[i].N = id*100 + uint64(i)
		}
		batch.Add(&tasks[i])
	}
	run := link.Run{ID: id, Message: 5000 + id, Stored: time.Unix(1000, 0)}
	require.NoError(s.t, s.link.Send(link.KindRun, nil, func(dst []byte) []byte {
		return link.AppendRun(dst, &run, func(dst []byte) []byte { return append(dst, batch.Bytes()...) })
	}))
}

// give hands the worker a run.
func (s *supervisor) give(id uint64, tasks ...codec.Task) {
	s.t.Helper()
	s.board.Give(id, len(tasks))
	s.hand(id, tasks...)
}

// request returns the next request, which must be of a kind.
func (s *supervisor) request(kind link.Kind) frame {
	s.t.Helper()
	f := await(s, s.requests)
	require.Equal(s.t, kind, f.kind)
	return f
}

// outcomes returns so many outcomes of a run, and in how many frames they came.
func (s *supervisor) outcomes(run uint64, n int) (all []link.Outcome, frames int) {
	s.t.Helper()
	for len(all) < n {
		f := await(s, s.ended)
		require.Equal(s.t, run, f.run)
		require.NotEmpty(s.t, f.outcomes)
		all = append(all, f.outcomes...)
		frames++
	}
	require.Len(s.t, all, n)
	return all, frames
}

// outcome returns the next outcome of a run, which comes alone.
func (s *supervisor) outcome(run uint64) link.Outcome {
	s.t.Helper()
	all, _ := s.outcomes(run, 1)
	return all[0]
}

// leaves waits until the worker has left, which must have sent nothing more.
func (s *supervisor) leaves(want Leaving) {
	s.t.Helper()
	require.Equal(s.t, want, s.leave())
	for _, left := range []chan frame{s.ended, s.requests} {
		for f := range left {
			require.Fail(s.t, "there was more", "%+v", f)
		}
	}
}

// answer answers a request for a large value.
func (s *supervisor) answer(v link.Value, file *os.File) {
	s.t.Helper()
	require.NoError(s.t, s.link.Send(link.KindValue, file, func(dst []byte) []byte { return link.AppendValue(dst, &v) }))
}

// await returns what comes, which must come.
func await[T any](s *supervisor, c <-chan T) T {
	s.t.Helper()
	select {
	case v, ok := <-c:
		require.True(s.t, ok, "the link is closed")
		return v
	case err := <-s.broken:
		require.FailNow(s.t, "the worker has refused a frame", err)
	case <-s.bound.Done():
		require.FailNow(s.t, "nothing comes")
	}
	panic("unreachable")
}
