package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// ControlRequest asks something of a worker host: over the broker, or at its
// control socket. It is one JSON object.
type ControlRequest struct {
	Verb      ControlVerb `json:"verb"`
	Processes int         `json:"processes,omitempty"` // of resize: how many there shall be, 1 or more
	PID       int         `json:"pid,omitempty"`       // of kill: a worker process of the host
}

// ControlVerb is what a host can be asked for.
type ControlVerb string

// What a host can be asked for. All but the status are begun when the answer
// comes, and not yet done.
const (
	ControlStatus ControlVerb = "status" // tell how the host stands
	ControlDrain  ControlVerb = "drain"  // finish running tasks, give back the others, and end
	ControlResize ControlVerb = "resize" // have so many worker processes
	ControlAdd    ControlVerb = "add"    // have one worker process more
	ControlRemove ControlVerb = "remove" // have one less, but one at least
	ControlKill   ControlVerb = "kill"   // kill a worker process; its task is charged as by any death
)

// MaxControlRequest bounds a request, in bytes.
const MaxControlRequest = 1 << 10

// ControlAnswer is a host's answer, one JSON object.
type ControlAnswer struct {
	// Error says why the request is refused; empty if it is not.
	Error string `json:"error,omitempty"`
	// Processes is how many worker processes there should be now.
	Processes int `json:"processes,omitempty"`
	// Status is what a request for the status gets.
	Status *HostStatus `json:"status,omitempty"`
}

// ReadControlRequest reads a request and checks that it makes sense by itself.
// What it does not know it refuses, rather than do half of what was meant. Its
// error wraps [ErrMalformed].
func ReadControlRequest(data []byte) (r ControlRequest, err error) {
	if len(data) > MaxControlRequest {
		return r, fmt.Errorf("%w: a control request of more than %d bytes", ErrMalformed, MaxControlRequest)
	}
	object := json.NewDecoder(bytes.NewReader(data))
	object.DisallowUnknownFields()
	if err := object.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: control request: %w", ErrMalformed, err)
	}
	if _, err := object.Token(); err != io.EOF {
		return r, fmt.Errorf("%w: control request: something follows the object", ErrMalformed)
	}
	resizes, kills := r.Verb == ControlResize, r.Verb == ControlKill
	switch r.Verb {
	case ControlStatus, ControlDrain, ControlResize, ControlAdd, ControlRemove, ControlKill:
	default:
		return r, fmt.Errorf("%w: a host cannot be asked to %.40q", ErrMalformed, r.Verb)
	}
	if (r.Processes != 0) != resizes || r.Processes < 0 {
		return r, fmt.Errorf("%w: %s with %d processes", ErrMalformed, r.Verb, r.Processes)
	}
	if (r.PID != 0) != kills || r.PID < 0 {
		return r, fmt.Errorf("%w: %s with process id %d", ErrMalformed, r.Verb, r.PID)
	}
	return r, nil
}
