package pool

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/internal/outlet"
	"github.com/musterfleet/muster/internal/proc"
)

// printing keeps the lines of worker processes whole. It is one lock for the
// program, since several supervisors may share its output.
var printing sync.Mutex

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

// printer passes on the lines that one worker process prints.
type printer struct {
	*Supervisor
	place  int
	child  *child
	logger *slog.Logger // nil if lines are passed on as they are

	quitting *atomic.Bool // the process was sent SIGQUIT
	dumps    bool         // it has begun to dump its stacks for that
}

// quitLine begins what Go's runtime prints when it ends for SIGQUIT. That is kept with
// the death, and passed on to nobody: it says nothing that went wrong.
const quitLine = "SIGQUIT: quit"

func (p *printer) started(pid int) {
	if p.cfg.OutputLogger != nil {
		p.logger = p.cfg.OutputLogger.With("host", p.cfg.Host, "queue", p.cfg.Queue, "pid", pid, "place", p.place)
	}
}

func (p *printer) print(stream proc.Stream, line []byte) {
	if stream == proc.Stderr {
		if p.dumps = p.dumps || string(line) == quitLine && p.quitting.Load(); p.dumps {
			return
		}
	}
	if p.logger != nil {
		p.record(stream, line)
		return
	}
	to := p.cfg.Stdout
	if stream == proc.Stderr {
		to = p.cfg.Stderr
	}
	printing.Lock()
	defer printing.Unlock()
	if _, err := to.Write(append(line[:len(line):len(line)], '\n')); err != nil {
		p.cfg.Logger.Debug("passing on a worker process's output", "error", err)
	}
}

// record makes a record of a line, with what runs, or ran when the process died.
func (p *printer) record(stream proc.Stream, line []byte) {
	attrs := []slog.Attr{slog.String("stream", stream.String())}
	if task, ok := p.scheduler.running(p.child); ok {
		attrs = append(attrs, slog.String("task", task.id.String()), slog.String("func", task.fn))
	}
	p.logger.LogAttrs(context.Background(), slog.LevelInfo, string(line), attrs...)
}
