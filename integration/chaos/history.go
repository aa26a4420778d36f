package chaos

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// event says what a record tells.
type event string

const (
	connected event = "connected" // client: it begins; those before it are dead
	submitted event = "submitted" // client: Submit has returned a future
	accepted  event = "accepted"  // client: the broker has stored all that it submitted so far
	attached  event = "attached"  // client: Attach has returned a future
	settled   event = "settled"   // client: a future has its outcome
	stopped   event = "stopped"   // test: clients are to submit no more
	started   event = "started"   // worker process: the handler begins
	finished  event = "finished"  // worker process: the handler is about to return a value
	erred     event = "erred"     // worker process: the handler is about to return an error
	killed    event = "killed"    // a deadly signal was sent to a worker process, or it is about to end itself
	ready     event = "ready"     // supervisor: a worker process pulls tasks
	buried    event = "buried"    // supervisor: it has seen to a dead worker process
	kept      event = "kept"      // test: a task is among the dead letters
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
	N        int    `json:"n,omitempty"` // which of the run's jobs
	Arg      uint64 `json:"arg,omitempty"`
	Deaths   int    `json:"deaths,omitempty"`   // attempts in which the task kills its process
	Budget   int    `json:"budget,omitempty"`   // attempts that may end so
	Errors   int    `json:"errors,omitempty"`   // attempts after these in which it returns an error
	Attempts int    `json:"attempts,omitempty"` // attempts that may end so
	Durable  bool   `json:"durable,omitempty"`  // its outcome is kept for who attaches
	Key      string `json:"key,omitempty"`

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
func readHistory(path string) ([]record, error) { return readRecords(path, `{`) }

// readRecords reads the records whose JSON has one of some texts in it.
func readRecords(path string, texts ...string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	defer file.Close()
	var all []record
	reader := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := reader.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF):
			return all, nil // what has no end yet is being written
		case err != nil:
			return nil, fmt.Errorf("reading the history: %w", err)
		case !slices.ContainsFunc(texts, func(text string) bool { return bytes.Contains(line, []byte(text)) }):
			continue
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("reading line %d of the history: %w", n, err)
		}
		all = append(all, r)
	}
}
