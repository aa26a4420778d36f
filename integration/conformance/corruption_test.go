package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

func TestCorruption(t *testing.T) {
	p := start(t, 1)
	c := p.Client()
	pid := call(t, c, runHarm, "")
	fine := func(t testing.TB) { // the pool serves, by the same worker
		t.Helper()
		require.Equal(t, pid, call(t, c, takeTrap, trap{}))
		require.Equal(t, trap{}, call(t, c, giveTrap, plan{}))
		require.Zero(t, c.Pending())
	}

	// An error while an argument or a result is encoded is that call's alone.
	t.Run("K5", func(t *testing.T) {
		f, err := producer.Submit(soon(t), c, takeTrap, trap{At: "encode", How: "error"})
		require.ErrorIs(t, err, codec.ErrEncode)
		require.ErrorIs(t, err, errHarm)
		require.Nil(t, f)
		fine(t)
		err = failing(t, c, giveTrap, plan{At: "encode", How: "error"})
		require.ErrorIs(t, err, codec.ErrResult)
		require.ErrorContains(t, err, errHarm.Error())
		require.Equal(t, pid, remote(t, err).PID)
		fine(t)
	})

	// An argument that does not decode is an error that names the cause. In Muster
	// it is that task's alone; the worker tries once, and the task is not
	// delivered again.
	t.Run("K6", func(t *testing.T) {
		s := newScratch(t)
		err := failing(t, c, takeTrap, trap{At: "decode", How: "error", Note: s.file("decodings")})
		require.ErrorIs(t, err, codec.ErrArgument)
		require.ErrorContains(t, err, errHarm.Error())
		require.Equal(t, 1, remote(t, err).Attempt)
		require.Equal(t, pid, remote(t, err).PID)
		fine(t)
		queue := stream(t, p, broker.TaskStream(producer.DefaultQueue))
		eventually(t, func() bool {
			info, err := queue.Info(soon(t))
			return err == nil && info.State.Msgs == 0
		}, "the queue to be empty")
		workers, err := queue.Consumer(soon(t), broker.WorkersConsumer(broker.Normal))
		require.NoError(t, err)
		require.Zero(t, workers.CachedInfo().NumRedelivered)
		require.Equal(t, []int{pid}, s.pids("decodings"))
	})

	// A panic while a result is encoded is that task's error, and its worker
	// lives.
	t.Run("K11", func(t *testing.T) {
		for how, sentinel := range map[string]error{"panic": codec.ErrResult, "goexit": codec.ErrGoexit} {
			err := failing(t, c, giveTrap, plan{At: "encode", How: how})
			require.ErrorIs(t, err, sentinel)
			require.Equal(t, pid, remote(t, err).PID)
			fine(t)
		}
	})

	// 100 bad calls and then 100 good ones are 100 errors and 100 results, whether
	// it is here or in the worker that the bad ones go wrong.
	t.Run("K22", func(t *testing.T) {
		for _, at := range []string{"encode", "decode"} {
			var bad, good []*producer.Future[int]
			refused := 0
			for range 100 {
				f, err := producer.Submit(soon(t), c, takeTrap, trap{At: at, How: "error"})
				if err != nil {
					require.ErrorIs(t, err, codec.ErrEncode)
					refused++
					continue
				}
				bad = append(bad, f)
			}
			for range 100 {
				f, err := producer.Submit(soon(t), c, takeTrap, trap{})
				require.NoError(t, err)
				good = append(good, f)
			}
			for _, f := range bad {
				require.ErrorIs(t, f.Err(soon(t)), codec.ErrArgument)
			}
			for _, f := range good {
				require.Equal(t, pid, pidOf(t, f))
			}
			require.Equal(t, 100, refused+len(bad))
			require.Equal(t, at == "encode", refused == 100)
			require.Equal(t, at == "decode", refused == 0)
		}
		fine(t)
	})
}

// Whatever goes wrong in whatever step of a call, by an error, by an end of the
// step or by an end of the process, the caller gets the error that is due, and
// the pool serves the next call. Steps of the caller's own process do not end
// that.
func TestCrashMatrix(t *testing.T) {
	t.Run("K17", func(t *testing.T) {
		c := client(t, 2)
		cases := 0
		check := func(step, how string, err error, sentinel error) {
			t.Helper()
			cases++
			require.ErrorIs(t, err, sentinel, "%s: %s", step, how)
			if sentinel == codec.ErrWorkerDied {
				e := died(t, err)
				require.Equal(t, how == "SIGSEGV", e.Signal == "SIGSEGV", "%s: %s: %v", step, how, err)
				require.Equal(t, how == "exit 0", e.ExitCode == 0, "%s: %s: %v", step, how, err)
			} else if sentinel != codec.ErrGoexit {
				require.ErrorContains(t, err, errHarm.Error(), "%s: %s", step, how)
			}
			require.NotZero(t, call(t, c, runHarm, ""))
			require.Equal(t, trap{How: "fine"}, call(t, c, echoTraps, trap{How: "fine"}))
		}

		for _, how := range []string{"error", "panic"} {
			f, err := producer.Submit(soon(t), c, takeTrap, trap{At: "encode", How: how})
			require.Nil(t, f)
			check("encode the argument", how, err, codec.ErrEncode)
		}
		ended := make(chan bool)
		go func() { // which Goexit ends, as it is the caller's own
			returned := false
			defer func() { ended <- !returned }()
			_, _ = producer.Submit(soon(t), c, takeTrap, trap{At: "encode", How: "goexit"})
			returned = true
		}()
		require.True(t, await(t, ended))
		require.Zero(t, c.Pending())

		for how, sentinel := range map[string]error{
			"error": codec.ErrArgument, "panic": codec.ErrArgument, "goexit": codec.ErrGoexit,
			"exit 0": codec.ErrWorkerDied, "SIGSEGV": codec.ErrWorkerDied,
		} {
			check("decode the argument", how, failing(t, c, takeTrap, trap{At: "decode", How: how}, once), sentinel)
		}
		for how, sentinel := range map[string]error{
			"panic": codec.ErrPanic, "goexit": codec.ErrGoexit,
			"exit 0": codec.ErrWorkerDied, "SIGSEGV": codec.ErrWorkerDied,
		} {
			check("run", how, failing(t, c, runHarm, how, once), sentinel)
		}
		plain := failing(t, c, runHarm, "error", once)
		require.Equal(t, codec.CodeError, remote(t, plain).Code)
		require.EqualError(t, plain, errHarm.Error())
		for how, sentinel := range map[string]error{
			"error": codec.ErrResult, "panic": codec.ErrResult, "goexit": codec.ErrGoexit,
			"exit 0": codec.ErrWorkerDied, "SIGSEGV": codec.ErrWorkerDied,
		} {
			check("encode the result", how, failing(t, c, giveTrap, plan{At: "encode", How: how}, once), sentinel)
		}
		for _, how := range []string{"error", "panic"} {
			check("decode the result", how, failing(t, c, giveTrap, plan{At: "decode", How: how}, once), codec.ErrDecode)
		}
		f, err := producer.Submit(soon(t), c, giveTrap, plan{At: "decode", How: "goexit"})
		require.NoError(t, err)
		go func() { // which Goexit ends, as it is the caller's own
			returned := false
			defer func() { ended <- !returned }()
			_, _ = f.Result(soon(t))
			returned = true
		}()
		require.True(t, await(t, ended))
		require.ErrorIs(t, f.Err(soon(t)), codec.ErrDecode, "whoever asks next")
		require.Equal(t, 18, cases, "besides the plain error and the caller's own goroutine")
		require.Zero(t, c.Pending())
	})
}
