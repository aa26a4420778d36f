package peer

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrUnsupported is given by Do for a load that the peer has no notion of.
	ErrUnsupported = errors.New("peer: not something that this peer does")
	// ErrWrong is wrapped when outcomes are not what the tasks should come to.
	ErrWrong = errors.New("peer: wrong outcomes")
)

// Peer is a system that runs tasks. Its methods are not safe for concurrent use.
type Peer interface {
	// Info tells what the peer is and how it is configured.
	Info() Info
	// Missing gives why the peer cannot run here, nil if it can.
	Missing() error
	// Start starts servers and workers, and returns when they take tasks.
	Start(ctx context.Context, setup Setup) error
	// Do runs a load to its last outcome. After an error, Stop is due.
	Do(ctx context.Context, load Load) (Report, error)
	// Stop ends all that Start and Do have started, and removes its files. It
	// may be called more than once.
	Stop()
}

// Info describes a peer.
type Info struct {
	Name     string   // as flags have it
	Title    string   // as tables have it
	Settings []string // as documented for throughput, and where the peer was favoured
	ByLength bool     // its settings depend on Setup.Long
	Polls    bool     // idle workers poll: they are held while another is measured
}

// Setup is what a peer is started with.
type Setup struct {
	Workers int  // tasks that may run at the same time
	Long    bool // tasks are long: prefer an even spread to throughput
}

// Mode is how a load is submitted.
type Mode string

const (
	Burst    Mode = "burst"    // one by one without waiting, then all outcomes
	Sequence Mode = "sequence" // the next when the outcome of the last is there
	Map      Mode = "map"      // as one call over integers
)

// Load is work to be run. The JSON is what the Python peer reads.
type Load struct {
	Mode    Mode `json:"mode"`
	Tasks   int  `json:"tasks"`
	Clients int  `json:"clients"` // submit at the same time, each its share; 0 is 1
	Window  int  `json:"window"`  // most tasks of a client in flight; 0: no bound

	Spin  time.Duration `json:"spin"`  // each task computes for so long on an idle core
	Sleep time.Duration `json:"sleep"` // each task sleeps so long
	Data  int           `json:"data"`  // size of the argument in bytes

	LongEvery int `json:"long_every"` // every so many tasks there is one that
	LongTimes int `json:"long_times"` // spins so many times as long

	Parked int `json:"parked"` // futures that stay pending meanwhile

	zeros []byte // every task's argument
}

// Report is what a load came to.
type Report struct {
	Elapsed time.Duration
	Ideal   time.Duration   // what the spinning takes on bare workers, measured just before and after
	Each    []time.Duration // of a Sequence: each task's time from submit to outcome
	Parked  float64         // bytes of memory for each parked future
}

// All gives every peer, this project first.
func All() []Peer {
	return []Peer{
		newMuster(), newLocal(), newNATS(), newJetStream(),
		newPython(), newAsynq(), newRiver(), newGoroutines(),
	}
}

// task gives the i-th task of the load.
func (l Load) task(i int) Task {
	t := Task{N: uint64(i), Sleep: l.Sleep}
	if l.Spin > 0 {
		t.Spin = iterations(l.Spin)
		if l.LongEvery > 0 && i%l.LongEvery == l.LongEvery/2 {
			t.Spin *= uint64(l.LongTimes)
		}
	}
	if l.Data > 0 {
		t.Data = l.zeros
	}
	return t
}

// spins gives the number of spin iterations in all tasks.
func (l Load) spins() uint64 {
	if l.Spin == 0 {
		return 0
	}
	var sum uint64
	for i := range l.Tasks {
		sum += l.task(i).Spin
	}
	return sum
}
