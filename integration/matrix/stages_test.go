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
	holds []func(message) bool // what passes between broker and supervisor and is held back, if anything
	runs  bool                 // a task is running, and waits: this one, or its blocker
	chunk bool                 // the task stands behind a blocker in one chunk
	reach func(*act)           // returns when the task is there
	// What comes of the task if its process dies, if that freezes, and if the
	// supervisor dies or stands still.
	died, frozen, orphaned fate
}

// fate is how a task ends.
type fate int

const (
	isAnswered fate = iota // the victim's own outcome stands
	runsAgain              // in another process, uncharged
	fails                  // because of the process's death
	isStopped              // at its limit
)

const (
	draining = "draining"
	computed = "computed but not handed off"
)

var stages = []stage{
	{
		// Sent by the broker, and not yet with the supervisor. It comes again when the
		// lease ends.
		name: "on its way", died: runsAgain, frozen: runsAgain, orphaned: runsAgain,
		holds: []func(message) bool{isTask},
		reach: (*act).awaitHeld,
	},
	{
		name: "handed over but not begun", runs: true, chunk: true, died: runsAgain, frozen: runsAgain, orphaned: runsAgain,
		reach: (*act).awaitHandedOver,
	},
	{
		name: "before the start notice", runs: true, died: fails, frozen: isStopped, orphaned: runsAgain,
		holds: []func(message) bool{func(m message) bool { return m.sent && strings.HasSuffix(m.subject, ".started") }},
		reach: func(a *act) {
			a.awaitHeld()
			a.victim.hear(a.t, a.ctx, "running")
			require.Equal(a.t, producer.Pending, a.task.future.State())
		},
	},
	{
		name: "running", runs: true, died: fails, frozen: isStopped, orphaned: runsAgain,
		reach: func(a *act) {
			a.victim.hear(a.t, a.ctx, "running")
			require.Eventually(a.t, func() bool { return a.task.future.State() == producer.Running }, patience, time.Millisecond)
		},
	},
	{
		// With the supervisor, which stores it when no receipt comes.
		name: computed, died: isAnswered, frozen: isAnswered, orphaned: runsAgain,
		holds: []func(message) bool{isOutcome},
		reach: (*act).awaitHeld,
	},
	{
		name: "handed off but without the receipt", died: isAnswered, frozen: isAnswered, orphaned: isAnswered,
		holds: []func(message) bool{func(m message) bool {
			_, err := codec.ReadReceipt([]byte(m.body))
			return !m.sent && err == nil
		}},
		reach: (*act).awaitAnswered,
	},
	{
		name: "handed off but not acknowledged", died: isAnswered, frozen: isAnswered, orphaned: isAnswered,
		holds: []func(message) bool{isAck},
		reach: (*act).awaitAnswered,
	},
	{
		name: "stored but not acknowledged", died: isAnswered, frozen: isAnswered, orphaned: isAnswered,
		holds: []func(message) bool{isOutcome, isAck},
		reach: (*act).awaitAnswered,
	},
	{
		name: draining, runs: true, died: fails, frozen: runsAgain, orphaned: runsAgain,
		reach: func(a *act) {
			a.victim.hear(a.t, a.ctx, "running")
			a.beginDrain()
		},
	},
}

func isTask(m message) bool { return !m.sent && strings.HasPrefix(m.subject, "muster.task.") }

func isOutcome(m message) bool { return m.sent && strings.HasSuffix(m.subject, ".outcome") }

func isAck(m message) bool {
	return m.sent && strings.HasPrefix(m.subject, "$JS.ACK.") && m.body == "+ACK"
}

// awaitHeld waits until all that is to be held back has been.
func (a *act) awaitHeld() {
	a.t.Helper()
	select {
	case <-a.line.reached:
	case <-a.ctx.Done():
		require.FailNow(a.t, "the stage is not reached")
	}
}

// awaitHandedOver waits until the blocker runs. The rest of a chunk stays with the
// process that runs its first task: it is not stored again for others, as that of
// another batch would be before long.
func (a *act) awaitHandedOver() {
	a.t.Helper()
	a.victim.hear(a.t, a.ctx, "running")
	time.Sleep(50 * time.Millisecond) // nothing is to happen
	require.EqualValues(a.t, 1, openStore(a.t, a.url).messages(a.ctx, a.queue))
	if a.host != nil {
		require.Equal(a.t, 1, a.host.Status().Processes[0].Held)
	}
}

// awaitAnswered waits until its caller has the task's outcome, too.
func (a *act) awaitAnswered() {
	a.t.Helper()
	a.awaitHeld()
	_, err := a.task.result(a.ctx)
	require.NoError(a.t, err)
}

// beginDrain has the host drain, and returns when it does. Its worker process
// has been told by then, or is about to be.
func (a *act) beginDrain() {
	a.t.Helper()
	if a.program != nil {
		a.program.drain()
		a.program.hear("draining")
		return
	}
	ctx, stop := context.WithCancel(a.ctx)
	a.stopDrain, a.drained = stop, make(chan error, 1)
	go func() { a.drained <- a.host.Drain(ctx) }()
	require.Eventually(a.t, func() bool {
		return a.host.Resize(a.ctx, 1) != nil // pool.ErrStopped
	}, patience, time.Millisecond)
	require.ErrorIs(a.t, a.host.Resize(a.ctx, 1), pool.ErrStopped)
}
