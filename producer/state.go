package producer

import "fmt"

// State is where a future stands. The states are those of Python's Future:
// pending, then running, then finished; or pending, then cancelled. Finished
// and cancelled are final.
type State uint8

const (
	// Pending: not known to have started.
	Pending State = iota
	// Running: a worker process has said that it runs the task. Tasks that end
	// within 25 ms go from pending to finished.
	Running
	// Finished: the outcome is there, a value or a failure.
	Finished
	// Cancelled: the future was cancelled before its task started, or killed.
	Cancelled
)

// String returns the state's name in lower case.
func (s State) String() string {
	switch s {
	case Pending:
		return "pending"
	case Running:
		return "running"
	case Finished:
		return "finished"
	case Cancelled:
		return "cancelled"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Done reports whether the state is final.
func (s State) Done() bool { return s >= Finished }
