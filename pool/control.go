package pool

import (
	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// What a supervisor and a worker process tell each other besides tasks and outcomes is
// JSON, in frames of their link.

// order is what a supervisor tells a worker process.
type order struct {
	Setup     *setup           `json:"setup,omitempty"`      // first, once
	Drain     consumer.Leaving `json:"drain,omitempty"`      // finish the running task and leave, for that reason
	Stop      *stop            `json:"stop,omitempty"`       // a task that is to end
	Ping      bool             `json:"ping,omitempty"`       // answer
	Client    *clientAccess    `json:"client,omitempty"`     // the answer to a report's Client; with a socket
	HandedOff *handedOff       `json:"handed_off,omitempty"` // of a task that was observed
}

// setup is what a worker process needs to know.
type setup struct {
	Dir        string   `json:"dir,omitempty"` // to go to; empty: stay
	Queues     []string `json:"queues"`
	Host       string   `json:"host"`
	MaxValue   int64    `json:"max_value"`
	MaxMemory  int64    `json:"max_memory"`
	MaxMessage int      `json:"max_message"` // the largest result that a message carries
	Init       *initial `json:"init,omitempty"`
}

// handedOff says that a task's outcome is in safe hands, or what was in the way.
type handedOff struct {
	Run   uint64 `json:"run"`
	Index int    `json:"index"`
	Error string `json:"error,omitempty"`
}

// initial is the call of a func that a process makes before its first task.
type initial struct {
	Func string `json:"func"`
	Arg  []byte `json:"arg"`
}

// stop names a running task, and says why it is to end.
type stop struct {
	Run   uint64     `json:"run"`
	Index int        `json:"index"`
	Why   codec.Code `json:"why"`
}

// progress says how far a running task is.
type progress struct {
	Run   uint64 `json:"run"`
	Index int    `json:"index"`
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
	Note  []byte `json:"note"`
}

// report is what a worker process tells its supervisor.
type report struct {
	Main     bool             `json:"main,omitempty"` // the process has reached Main, and waits for its setup
	Ready    bool             `json:"ready,omitempty"`
	Funcs    []string         `json:"funcs,omitempty"`    // with Ready: that have a handler
	Failed   string           `json:"failed,omitempty"`   // why the process ends now, in bad order
	Left     consumer.Leaving `json:"left,omitempty"`     // why it ends now, in good order
	Pong     bool             `json:"pong,omitempty"`     // the answer to a ping
	Client   bool             `json:"client,omitempty"`   // a handler asks for a client
	Observes bool             `json:"observes,omitempty"` // with Ready: it wants to hear of what was handed off
	Progress *progress        `json:"progress,omitempty"`
	Waits    int              `json:"waits,omitempty"` // 1: the handler waits for another task; -1: no more
}
