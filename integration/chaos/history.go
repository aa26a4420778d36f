package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// event says what a record tells.
type event string

const (
	submitted event = "submitted" // client: Submit has returned
	accepted  event = "accepted"  // client: the broker has stored all that it submitted so far
	settled   event = "settled"   // client: a future has its outcome
	started   event = "started"   // worker process: the handler begins
	finished  event = "finished"  // worker process: the handler is about to return
	killed    event = "killed"    // a deadly signal was sent to a worker process, or it is about to end itself
	ready     event = "ready"     // supervisor: a worker process pulls tasks
	buried    event = "buried"    // supervisor: it has seen to a dead worker process
	struck    event = "struck"    // test: a fault strikes
	left      event = "left"      // something ended or stayed that should not have
)

// record is one line of a history. Which fields are set depends on the event.
type record struct {
	Event event  `json:"event"`
	At    int64  `json:"at"` // Unix nanoseconds; one machine, one clock
	Note  string `json:"note,omitempty"`

	Client  string `json:"client,omitempty"`
	Task    string `json:"task,omitempty"` // its id
	Attempt int    `json:"attempt,omitempty"`

	// Of submitted.
	Arg    uint64 `json:"arg,omitempty"`
	Deaths int    `json:"deaths,omitempty"` // attempts in which the task kills its process
	Budget int    `json:"budget,omitempty"` // attempts that may end so

	// Of settled: a value, or a failure by its code.
	Value   uint64 `json:"value,omitempty"`
	Failure string `json:"failure,omitempty"`

	// Of what concerns a worker process. Process ids come round in a long run, so
	// the process says when it was born too.
	Host string `json:"host,omitempty"`
	PID  int    `json:"pid,omitempty"`
	Born int64  `json:"born,omitempty"` // Unix nanoseconds

	// Of buried.
	Running  bool `json:"running,omitempty"`  // a task was running, and was charged
	Expected bool `json:"expected,omitempty"` // it left in good order
}

// recorder appends to a history that many processes write. Each record is one
// write of one line, so that whoever is killed leaves whole lines behind. It is
// safe for concurrent use.
type recorder struct{ file *os.File }

func openRecorder(path string) (*recorder, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the history: %w", err)
	}
	return &recorder{file}, nil
}

// add appends a record, of now unless it says when. A history that cannot be
// written proves nothing, so the process ends then.
func (h *recorder) add(r record) {
	if r.At == 0 {
		r.At = time.Now().UnixNano()
	}
	line, err := json.Marshal(r)
	must(err)
	_, err = h.file.Write(append(line, '\n'))
	must(err)
}

func (h *recorder) close() { must(h.file.Close()) }

// readHistory reads what all processes have written, in that order.
func readHistory(path string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	defer file.Close()
	var all []record
	for lines := bufio.NewScanner(file); ; {
		if !lines.Scan() {
			return all, lines.Err()
		}
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("reading line %d of the history: %w", len(all)+1, err)
		}
		all = append(all, r)
	}
}
