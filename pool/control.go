package pool

import (
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/login"
)

// The control connection between a supervisor and a worker process carries one
// JSON object per message. The credential in a URL goes this way, since
// arguments and environment can be read by others.

// order is what a supervisor tells a worker process.
type order struct {
	Setup  *setup              `json:"setup,omitempty"`  // first, once
	Drain  bool                `json:"drain,omitempty"`  // finish the running task and leave
	Cancel map[string][]uint64 `json:"cancel,omitempty"` // tasks by client that are not to be started
	Stop   *stop               `json:"stop,omitempty"`   // a task that is to end
	Ping   bool                `json:"ping,omitempty"`   // answer
	Found  *found              `json:"found,omitempty"`  // the answer to a report's Find
}

// setup is what a worker process needs to know.
type setup struct {
	Dir      string              `json:"dir,omitempty"` // to go to; empty: stay
	URL      string              `json:"url"`
	Login    login.Credentials   `json:"login"`
	Queue    string              `json:"queue"`
	Host     string              `json:"host"`
	Life     string              `json:"life"` // subject to listen to, as a sign of life
	Tenure   consumer.Tenure     `json:"tenure"`
	MaxValue int64               `json:"max_value"`
	Init     *initial            `json:"init,omitempty"`
	Cancel   map[string][]uint64 `json:"cancel,omitempty"`
}

// initial is the call of a func that a process makes before its first task.
type initial struct {
	Func string `json:"func"`
	Arg  []byte `json:"arg"`
}

// stop names a running task as the scoreboard does, and says why it is to end.
type stop struct {
	Client uint64     `json:"client"`
	Task   uint64     `json:"task"`
	Why    codec.Code `json:"why"`
}

// find asks for other hosts that have a handler for a func.
type find struct {
	Number uint64 `json:"number"` // of the question
	Func   string `json:"func"`
}

// found answers a find: how many worker processes the queue's hosts have, 0 if no
// other host has the func.
type found struct {
	Number    uint64 `json:"number"`
	Processes int    `json:"processes"`
}

// report is what a worker process tells its supervisor.
type report struct {
	Main    bool             `json:"main,omitempty"` // the process has reached Main, and waits for its setup
	Ready   bool             `json:"ready,omitempty"`
	Funcs   []string         `json:"funcs,omitempty"`  // with Ready: that have a handler
	Failed  string           `json:"failed,omitempty"` // why the process ends now, in bad order
	Left    consumer.Leaving `json:"left,omitempty"`   // why it ends now, in good order
	WatchAt int64            `json:"watch,omitempty"`  // when to look at the limit of what runs, in unix nanoseconds
	Pong    bool             `json:"pong,omitempty"`   // the answer to a ping
	Find    *find            `json:"find,omitempty"`
	Waits   int              `json:"waits,omitempty"` // 1: the handler waits for another task; -1: no more
}

// controlTimeout bounds the writing of one message; the other side reads all
// the time, unless it is stopped or stuck.
const controlTimeout = 5 * time.Second

func tell(conn net.Conn, message any) error {
	if err := conn.SetWriteDeadline(time.Now().Add(controlTimeout)); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if err := json.NewEncoder(conn).Encode(message); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}
