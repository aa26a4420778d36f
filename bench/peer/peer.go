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
	// Missing returns why the peer cannot run here, nil if it can.
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

// Report is what a load came to.
type Report struct {
	Elapsed time.Duration
	Ideal   time.Duration   // what the spinning takes on bare workers, measured just before and after
	Each    []time.Duration // of a Sequence: each task's time from submit to outcome
	Rest    time.Duration   // where some tasks are long: until the others had their outcomes
	Parked  float64         // bytes of memory for each parked future
	Usage   Usage           // of Idle
}

// Usage is what the processes of an idle peer take, its servers not included.
type Usage struct {
	CPU    float64 // share of one core, of all processes together
	Parent uint64  // resident bytes of the process that started the others
	Most   uint64  // resident bytes of the largest of the others
}

// All returns every peer, this project first.
func All() []Peer {
	return []Peer{
		newMuster(), newLocal(), newNATS(), newJetStream(),
		newPython(), newAsynq(), newRiver(), newGoroutines(),
	}
}
