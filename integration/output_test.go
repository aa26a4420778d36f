package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// records is a log that can be read.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// of returns the records with a message.
func (r *records) of(t *testing.T, msg string) (some []map[string]any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for lines := json.NewDecoder(bytes.NewReader(r.text.Bytes())); ; {
		var record map[string]any
		if err := lines.Decode(&record); err == io.EOF {
			return some
		} else {
			require.NoError(t, err)
		}
		if record["msg"] == msg {
			some = append(some, record)
		}
	}
}

// What a worker process prints says of which process and task, and so does its
// death.
func TestOutputIsAttributed(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	output, log := &records{}, &records{}
	h, err := pool.Start(s.ctx, pool.Config{
		URL: url, Host: "kestrel", Processes: 1,
		Logger: slog.New(slog.NewJSONHandler(log, nil)), OutputLogger: slog.New(slog.NewJSONHandler(output, nil)),
	})
	require.NoError(t, err)
	t.Cleanup(h.Kill)

	g := newGate(t)
	f, err := producer.Submit(s.ctx, s.client(url), attend, call{Gate: g.address, Say: "half of it\nthe rest"}, producer.Crashes(1))
	require.NoError(t, err)
	v := g.next(t, s.ctx)
	require.Eventually(t, func() bool { return len(output.of(t, "the rest")) > 0 }, patience, time.Millisecond)
	for _, msg := range []string{"half of it", "the rest"} {
		all := output.of(t, msg)
		require.Len(t, all, 1)
		delete(all[0], "time")
		require.Equal(t, map[string]any{
			"level": "INFO", "msg": msg, "host": "kestrel", "queue": "default", "pid": float64(v.PID), "place": 0.0,
			"stream": "stdout", "task": f.ID().String(), "func": "attend",
		}, all[0])
	}

	require.NoError(t, syscall.Kill(v.PID, syscall.SIGKILL))
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrWorkerDied)
	require.Eventually(t, func() bool { return len(log.of(t, "a worker process died")) > 0 }, patience, time.Millisecond)
	death := log.of(t, "a worker process died")[0]
	delete(death, "time")
	require.Equal(t, map[string]any{
		"level": "WARN", "msg": "a worker process died", "host": "kestrel", "queue": "default", "pid": float64(v.PID),
		"cause": "killed by signal SIGKILL", "task_running": true, "task": f.ID().String(), "func": "attend", "attempt": 1.0,
	}, death)
}
