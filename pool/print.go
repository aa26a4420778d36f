package pool

import (
	"sync"

	"github.com/musterfleet/muster/internal/proc"
)

// printing keeps the lines of worker processes whole. It is one lock for the
// program, since several supervisors may share its output.
var printing sync.Mutex

// print passes on a line that a worker process printed.
func (s *Supervisor) print(stream proc.Stream, line []byte) {
	to := s.Stdout
	if stream == proc.Stderr {
		to = s.Stderr
	}
	printing.Lock()
	defer printing.Unlock()
	if _, err := to.Write(append(line[:len(line):len(line)], '\n')); err != nil {
		s.Logger.Debug("passing on a worker process's output", "error", err)
	}
}
