package pool

import (
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// The control connection between a supervisor and a worker process carries one
// JSON object per message. The credential in a URL goes this way, since
// arguments and environment can be read by others.

// order is what a supervisor tells a worker process.
type order struct {
	Setup *setup `json:"setup,omitempty"` // first, once
	Drain bool   `json:"drain,omitempty"` // finish the running task and end
}

// setup is what a worker process needs to know.
type setup struct {
	URL   string `json:"url"`
	Queue string `json:"queue"`
	Host  string `json:"host"`
}

// report is what a worker process tells its supervisor.
type report struct {
	Ready  bool   `json:"ready,omitempty"`
	Failed string `json:"failed,omitempty"` // why the process ends now
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
