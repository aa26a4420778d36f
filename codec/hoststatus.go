package codec

import "time"

// HostStatus is what a worker host tells of itself: the document of its
// heartbeats, as JSON. Times are the host's own.
type HostStatus struct {
	ID      string    `json:"id"`      // of this run of the supervisor: eight letters and digits
	Host    string    `json:"host"`    // a name, which several may share
	PID     int       `json:"pid"`     // the supervisor's
	Queue   string    `json:"queue"`   // the first one that it serves
	Version string    `json:"version"` // of the program's Muster module
	State   HostState `json:"state"`
	Started time.Time `json:"started"`
	Sent    time.Time `json:"sent"`

	// Queues are all that it serves; empty from a host that knows one alone.
	Queues []QueueShare `json:"queues,omitempty"`

	Want        int      `json:"want"`                   // worker processes that there should be
	CPUs        int      `json:"cpus"`                   // usable
	Memory      uint64   `json:"memory"`                 // of the supervisor, resident, in bytes
	MemoryLimit int64    `json:"memory_limit,omitempty"` // of each process, in bytes; 0 for none
	Funcs       []string `json:"funcs"`                  // that have a handler

	Processes []ProcessStatus      `json:"processes"`
	Counts    map[string]FuncCount `json:"counts"` // by func, since the start
	HandOffs  HandOffs             `json:"hand_offs"`
	Deaths    map[Cause]uint64     `json:"deaths"` // unexpected ones, since the start
	Latest    []ProcessDeath       `json:"latest"` // the latest of them, at most eight, oldest first

	// Spans are attempts that ended since the heartbeat before. A host sends them
	// only while somebody watches.
	Spans []Span `json:"spans,omitempty"`
}

// HostState is what a host is about.
type HostState string

// The states of a host.
const (
	HostServing   HostState = "serving"
	HostDraining  HostState = "draining"
	HostUnhealthy HostState = "unhealthy" // its processes do not become ready
	HostStopped   HostState = "stopped"   // its last heartbeat
)

// ProcessStatus is how one worker process stands.
type ProcessStatus struct {
	Place   int          `json:"place"` // which stays when the process is replaced; from 0
	PID     int          `json:"pid"`   // 0 between two processes
	State   ProcessState `json:"state"`
	Started time.Time    `json:"started,omitzero"`
	Memory  uint64       `json:"memory"` // resident, in bytes
	Tasks   uint64       `json:"tasks"`  // finished by this process
	Held    int          `json:"held"`   // deliveries at hand
	// What it runs, while it is busy.
	Task  string    `json:"task,omitempty"` // the id
	Func  string    `json:"func,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Limit time.Time `json:"limit,omitzero"` // when it must have ended
	// Died is how the process before this one ended, if unexpectedly.
	Died *ProcessDeath `json:"died,omitempty"`
}

// ProcessState is what a worker process does.
type ProcessState string

// The states of a worker process.
const (
	ProcessStarting ProcessState = "starting"
	ProcessIdle     ProcessState = "idle"
	ProcessBusy     ProcessState = "busy"
	ProcessDraining ProcessState = "draining"
	ProcessDormant  ProcessState = "dormant" // there is none until there is work
	ProcessBackoff  ProcessState = "backoff" // there is none for a while: the last ones died early
	ProcessDown     ProcessState = "down"    // what earlier hosts say for either
)

// ProcessDeath is the unexpected end of a worker process.
type ProcessDeath struct {
	Place  int       `json:"place"`
	PID    int       `json:"pid"`
	At     time.Time `json:"at"`
	Cause  Cause     `json:"cause"`
	Text   string    `json:"text"`             // such as "killed by signal SIGSEGV"
	Stderr string    `json:"stderr,omitempty"` // its last words, at most 1 KiB
	Task   string    `json:"task,omitempty"`   // that ran, if one did
	Func   string    `json:"func,omitempty"`
}

// Cause is why a worker process died, as a word for counting.
type Cause string

// The causes of death.
const (
	CauseExit        Cause = "exit"          // with a status of its own
	CauseSignal      Cause = "signal"        // sent by somebody else
	CauseOutOfMemory Cause = "out_of_memory" // of the machine, the cgroup or Go's runtime
	CauseMemoryLimit Cause = "memory_limit"  // killed by the supervisor
	CauseTimeLimit   Cause = "time_limit"    // killed by the supervisor
	CauseCancelled   Cause = "cancelled"     // killed by the supervisor
	CauseFrozen      Cause = "frozen"        // killed by the supervisor
	CauseUnready     Cause = "unready"       // never served
)

// HandOffs counts the outcomes that a host has handed off, by the way they went,
// since its start.
type HandOffs struct {
	Direct uint64 `json:"direct"` // taken by their clients
	Stored uint64 `json:"stored"` // kept by the broker: durable ones, and those that nobody took
}

// OtherFuncs is the name under which a host counts the attempts at tasks of funcs that it
// has no handler for, or has no room for. It cannot be a func's.
const OtherFuncs = "(other)"

// FuncCount counts the attempts at one func's tasks, since the host's start.
type FuncCount struct {
	Attempts uint64          `json:"attempts"` // ended ones, with those that died
	Failed   map[Code]uint64 `json:"failed"`   // that came to a failure, by its code
	Run      Histogram       `json:"run"`      // seconds from start to end
	Wait     Histogram       `json:"wait"`     // seconds from being stored to the start
}

// Histogram counts durations. Count n holds those up to [HistogramBounds][n] and
// above the bound before; the last one holds the longer ones.
type Histogram struct {
	Counts [len(HistogramBounds) + 1]uint64 `json:"counts"`
	Sum    float64                          `json:"sum"` // seconds
}

// HistogramBounds are the upper bounds of the counts of a [Histogram].
var HistogramBounds = [...]time.Duration{
	time.Microsecond * 10, time.Microsecond * 100, time.Millisecond, time.Millisecond * 5,
	time.Millisecond * 10, time.Millisecond * 50, time.Millisecond * 100, time.Millisecond * 500,
	time.Second, time.Second * 5, time.Second * 10, time.Minute, time.Minute * 10, time.Hour,
}

// Span is one attempt that ended, or several short ones of a func in a row.
type Span struct {
	Place  int       `json:"place"`
	PID    int       `json:"pid"`
	Func   string    `json:"func"`
	Task   string    `json:"task"` // the id; of several, the last one's
	Count  int       `json:"count"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Failed Code      `json:"failed,omitempty"` // the code of its failure, CodeWorkerDied for a death
}
