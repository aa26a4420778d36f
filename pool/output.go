package pool

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/outlet"
	"github.com/musterfleet/muster/internal/proc"
)

// outputMu keeps the lines of worker processes whole. It is one lock for the program,
// since several supervisors may share its output.
var outputMu sync.Mutex

// flushTimeout bounds the wait for a reader of what worker processes have printed.
const flushTimeout = time.Second

// flush passes on what worker processes have printed.
func (s *Supervisor) flush() {
	for _, to := range []io.Writer{s.cfg.Stdout, s.cfg.Stderr} {
		if w, ok := to.(*outlet.Writer); ok {
			w.Flush(flushTimeout)
		}
	}
}

// lineWriter passes on the lines that one worker process prints.
type lineWriter struct {
	host    *Supervisor
	process *process
	logger  *slog.Logger // nil if lines are passed on as they are
	dumps   bool         // the process, which was sent SIGQUIT, has begun to dump its stacks
}

// quitLine begins what Go's runtime prints when it ends for SIGQUIT. That is kept with
// the death, and passed on to nobody: it says nothing that went wrong.
const quitLine = "SIGQUIT: quit"

func (w *lineWriter) started(pid int) {
	if cfg := &w.host.cfg; cfg.OutputLogger != nil {
		w.logger = cfg.OutputLogger.With("host", cfg.Host, "queue", codec.FormatQueues(cfg.Queues), "pid", pid, "place", w.process.slot)
	}
}

func (w *lineWriter) write(stream proc.Stream, line []byte) {
	if stream == proc.Stderr {
		if w.dumps = w.dumps || string(line) == quitLine && w.process.quits.Load(); w.dumps {
			return
		}
	}
	if w.logger != nil {
		w.record(stream, line)
		return
	}
	to := w.host.cfg.Stdout
	if stream == proc.Stderr {
		to = w.host.cfg.Stderr
	}
	outputMu.Lock()
	defer outputMu.Unlock()
	if _, err := to.Write(append(line[:len(line):len(line)], '\n')); err != nil {
		w.host.cfg.Logger.Debug("passing on a worker process's output", "error", err)
	}
}

// record makes a record of a line, with what runs, or ran when the process died.
func (w *lineWriter) record(stream proc.Stream, line []byte) {
	attrs := []slog.Attr{slog.String("stream", stream.String())}
	if task, ok := w.host.scheduler.running(w.process); ok {
		attrs = append(attrs, slog.String("task", task.id.String()), slog.String("func", task.fn))
	}
	w.logger.LogAttrs(context.Background(), slog.LevelInfo, string(line), attrs...)
}
