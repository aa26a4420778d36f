package fleet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// DeadLetter is a task that was given up after its last attempt, or a message in
// a queue that is not a batch of tasks.
type DeadLetter struct {
	// ID is that of the task. Of a message that is not a batch of tasks it is
	// "unread:<queue>:<place in the queue>".
	ID    string    `json:"id"`
	Queue string    `json:"queue"`
	At    time.Time `json:"at,omitzero"` // when it was given up
	Func  string    `json:"func,omitempty"`
	Cause Cause     `json:"cause"`

	Crashes int `json:"crashes,omitempty"` // attempts that ended with their process
	Errors  int `json:"errors,omitempty"`  // attempts that ended with an error of the handler's

	// Arg is the argument, encoded as MessagePack, or the message if it is not a
	// batch of tasks. It is empty if the argument was too large for a message.
	Arg []byte `json:"arg,omitempty"`

	seq  uint64 // its place among the dead letters
	task *codec.Task
}

// Cause is why a task was given up: how its last attempt ended.
type Cause struct {
	Code     codec.Code `json:"code"`
	Error    string     `json:"error"`          // as the task's caller has seen it
	Type     string     `json:"type,omitempty"` // Go type of the error
	Host     string     `json:"host,omitempty"`
	PID      int        `json:"pid,omitempty"`
	ExitCode int        `json:"exit_code,omitempty"` // of a process that died; -1 if by a signal
	Signal   string     `json:"signal,omitempty"`    // that ended the process
	Stderr   string     `json:"stderr,omitempty"`    // end of what the process that died wrote there
	Stack    string     `json:"stack,omitempty"`     // of a panic
}

func causeOf(f *codec.Failure, task codec.ID) Cause {
	return Cause{
		Code: f.Code, Error: f.Err(task).Error(), Type: f.Type, Host: f.Host, PID: f.PID,
		ExitCode: f.ExitCode, Signal: f.Signal, Stderr: f.Stderr, Stack: f.Stack,
	}
}

const unreadPrefix = "unread:"

// read makes of a letter what an operator sees. What does not read of it is told
// as its cause.
func read(l broker.Letter) DeadLetter {
	d := DeadLetter{ID: unreadPrefix + l.Queue + ":" + strconv.FormatUint(l.N, 10), Queue: l.Queue, seq: l.Seq}
	id := codec.ID{Client: l.Client, N: l.N}
	if l.Client != "" {
		d.ID = id.String()
	}
	letter, err := codec.ReadDeadLetter(l.Data)
	if err != nil {
		d.Cause = Cause{Code: codec.CodeError, Error: "the dead letter does not read: " + err.Error()}
		return d
	}
	f := letter.Failure
	d.At = letter.At
	d.Cause = causeOf(f, id)
	if l.Client == "" {
		d.Cause.Error = f.Message
		d.Arg = letter.Message
		return d
	}
	if _, d.task, err = letter.Task(); err != nil {
		d.task = nil
		d.Arg = letter.Message
		return d
	}
	d.Func, d.Arg, d.Crashes, d.Errors = d.task.Func, d.task.Arg, d.task.Crashes, d.task.Errors
	return d
}

// parseID reads the id of a dead letter: of a task, or of what was unreadable in
// a queue.
func parseID(text string) (task codec.ID, queue string, seq uint64, err error) {
	if rest, ok := strings.CutPrefix(text, unreadPrefix); ok {
		queue, number, _ := strings.Cut(rest, ":")
		seq, err := strconv.ParseUint(number, 10, 64)
		if err := errors.Join(err, broker.ValidQueue(queue)); err != nil {
			return task, "", 0, fmt.Errorf("%w: %.160q; use one such as unread:default:42", ErrLetterID, text)
		}
		return task, queue, seq, nil
	}
	if task, err = codec.ParseID(text); err != nil {
		return task, "", 0, fmt.Errorf("%w: %.160q; use one such as k3xf9mq2l7zt4b6c-42", ErrLetterID, text)
	}
	return task, "", 0, nil
}
