package doctor

import "fmt"

// Level tells how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning" // work gets done, but somebody should look
	Problem Level = "problem" // work does not get done, or will soon not be
)

// Check names what was looked at.
type Check string

// The checks, in the order in which they are made.
const (
	CheckMachine     Check = "machine"     // file descriptors here
	CheckAddress     Check = "address"     // where the broker's URL comes from
	CheckBroker      Check = "broker"      // whether it is there, and answers
	CheckCredential  Check = "credential"  // whether it lets us in
	CheckServer      Check = "server"      // its version
	CheckPermission  Check = "permission"  // what we may publish and subscribe to
	CheckClock       Check = "clock"       // whether the clocks agree
	CheckJetStream   Check = "jetstream"   // whether it is there
	CheckStream      Check = "stream"      // whether streams are as Muster needs them
	CheckReplicas    Check = "replicas"    // what of them survives
	CheckStorage     Check = "storage"     // whether there is room
	CheckWorkers     Check = "workers"     // whether somebody serves the queue
	CheckPause       Check = "pause"       // whether a queue is paused that has work
	CheckDeadLetters Check = "deadletters" // whether tasks are given up
	CheckHost        Check = "host"        // whether a worker host is well
	CheckFunc        Check = "func"        // whether what clients ask for has a handler
)

// Finding is what a check has come to.
type Finding struct {
	Check Check  `json:"check"`
	Level Level  `json:"level"`
	About string `json:"about,omitempty"` // the queue, stream, host or role, if it is about one
	Saw   string `json:"saw"`             // one line
	Mend  string `json:"mend,omitempty"`  // one line; empty if there is nothing to mend
}

func (e *examination) ok(check Check, about, format string, args ...any) {
	e.found = append(e.found, Finding{Check: check, Level: OK, About: about, Saw: fmt.Sprintf(format, args...)})
}

func (e *examination) warn(check Check, about, saw, mend string) {
	e.found = append(e.found, Finding{Check: check, Level: Warning, About: about, Saw: saw, Mend: mend})
}

func (e *examination) problem(check Check, about, saw, mend string) {
	e.found = append(e.found, Finding{Check: check, Level: Problem, About: about, Saw: saw, Mend: mend})
}
