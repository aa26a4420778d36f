package matrix

import (
	"context"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// stage is a column of the matrix: how far a task has come when the fault
// strikes.
type stage struct {
	name  string
	holds func(message) bool // what of the victim's messages is held back, if any
	runs  bool               // the task is running, and waits
	reach func(*act)         // returns when the task is there
	// What comes of the task if its process dies, and if it freezes.
	died, frozen fate
}

// fate is what a future comes to.
type fate int

const (
	isAnswered fate = iota // the victim's own outcome stands
	runsAgain              // in another process, uncharged
	fails                  // because of the process's death
	isStopped              // at its limit
)

var stages = []stage{
	{
		// Sent by the broker, and not yet noted on the scoreboard. What dies here
		// comes again when the lease ends.
		name: "on its way", died: runsAgain, frozen: runsAgain,
		holds: func(m message) bool { return !m.sent && strings.HasPrefix(m.subject, "muster.task.") },
		reach: (*act).awaitHeld,
	},
	{
		name: "before the start notice", runs: true, died: fails, frozen: isStopped,
		holds: func(m message) bool { return m.sent && strings.HasSuffix(m.subject, ".started") },
		reach: func(a *act) {
			a.awaitHeld()
			a.victim.hear(a.t, a.ctx, "running")
			require.Equal(a.t, producer.Pending, a.future.State())
		},
	},
	{
		name: "running", runs: true, died: fails, frozen: isStopped,
		reach: func(a *act) {
			a.victim.hear(a.t, a.ctx, "running")
			require.Eventually(a.t, func() bool { return a.future.State() == producer.Running }, patience, time.Millisecond)
		},
	},
	{
		name: "computed but not handed off", died: runsAgain, frozen: runsAgain,
		holds: func(m message) bool {
			return m.sent && (strings.HasSuffix(m.subject, ".outcome") || strings.HasPrefix(m.subject, "muster.result."))
		},
		reach: (*act).awaitHeld,
	},
	{
		name: "handed off but without the receipt", died: isAnswered, frozen: isAnswered,
		holds: func(m message) bool {
			_, err := codec.ReadReceipt([]byte(m.body))
			return !m.sent && err == nil
		},
		reach: (*act).awaitAnswered,
	},
	{
		name: "handed off but not acknowledged", died: isAnswered, frozen: isAnswered,
		holds: func(m message) bool {
			return m.sent && strings.HasPrefix(m.subject, "$JS.ACK.") && m.body == "+ACK"
		},
		reach: (*act).awaitAnswered,
	},
	{
		name: draining, runs: true, died: fails, frozen: runsAgain,
		reach: func(a *act) {
			a.victim.hear(a.t, a.ctx, "running")
			a.beginDrain()
		},
	},
}

const draining = "draining"

// awaitHeld waits until a message of the victim's has been held back.
func (a *act) awaitHeld() {
	a.t.Helper()
	select {
	case <-a.line.reached:
	case <-a.ctx.Done():
		require.FailNow(a.t, "the stage is not reached")
	}
}

// awaitAnswered waits until its caller has the task's outcome, too.
func (a *act) awaitAnswered() {
	a.t.Helper()
	a.awaitHeld()
	require.NoError(a.t, a.future.Err(a.ctx))
}

// beginDrain has the host drain, and returns when it does. Its worker process
// has been told by then, or is about to be.
func (a *act) beginDrain() {
	a.t.Helper()
	ctx, stop := context.WithCancel(a.ctx)
	a.stopDrain, a.drained = stop, make(chan error, 1)
	go func() { a.drained <- a.host.Drain(ctx) }()
	require.Eventually(a.t, func() bool {
		return a.host.Resize(a.ctx, 1) != nil // pool.ErrStopped
	}, patience, time.Millisecond)
	require.ErrorIs(a.t, a.host.Resize(a.ctx, 1), pool.ErrStopped)
}
