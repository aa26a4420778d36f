package matrix

import (
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// hostFault is a row of the matrix, and befalls the supervisor. No task is charged for
// it, and its caller may notice no more than the time it takes.
type hostFault struct {
	name   string
	strike func(*act)
	alone  bool       // no other host takes over
	goOn   func(*act) // after the task has its outcome; nil if the supervisor is gone
	runs   bool       // meets only stages where a task runs: others do not tell it from the fault before
}

var hostFaults = []hostFault{
	{name: "supervisor killed", strike: func(a *act) { a.killHost(false) }},
	{name: "supervisor killed whose process is frozen", strike: func(a *act) { a.killHost(true) }},
	{name: "supervisor stopped", goOn: (*act).goOn, strike: func(a *act) {
		a.stopHost()
		a.letRun() // its outcome waits for the supervisor
	}},
	{
		name: "supervisor stopped whose process runs on", runs: true, strike: (*act).stopHost,
		goOn: func(a *act) {
			a.goOn()
			a.letRun()
		},
	},
	{name: "supervisor stopped and no other there", alone: true, strike: func(a *act) {
		a.stopHost()
		a.letRun()
		time.Sleep(broker.Lease + time.Second) // it is all that happens
		a.goOn()
	}},
}

// goneWithin bounds how long what a dead supervisor leaves may live.
const goneWithin = 5 * time.Second

// playHostFault has a fault befall the supervisor of a host that is a program.
func (a *act) playHostFault(f *hostFault) {
	a.program = a.newHostProgram()
	a.victim = a.theatre.victim(a.t, a.ctx)
	if f.goOn == nil && !f.alone { // it is killed, and what its process has started with it
		startGrandchild(a.t, a.ctx, a.victim) // in time: an outcome that is held is stored after a while
		// Supervisor, guard, and the worker process with its child.
		require.Len(a.t, marked(a.program.marker), 4)
	}
	submitted := time.Now()
	a.rehearse(producer.Crashes(1)) // so that none may be charged
	f.strike(a)
	if f.alone {
		a.requireFate(a.task, isAnswered)
		if a.blocker != nil {
			a.requireFate(a.blocker, isAnswered)
		}
		a.endProgram(true)
		a.requireNothingLeft()
		return
	}

	other := a.newHost("other", a.url)
	a.requireFate(a.task, a.stage.orphaned)
	if a.blocker != nil {
		a.requireFate(a.blocker, runsAgain)
	}
	if a.stage.orphaned == runsAgain {
		require.GreaterOrEqual(a.t, time.Since(submitted), broker.Lease, "it came again before the lease had ended")
		a.requireRanAt(other, a.task)
	}
	// Where the task has its outcome it comes again all the same, once.
	openStore(a.t, a.url).requireEmptyQueue(a.ctx, a.queue)
	if f.goOn != nil {
		before, _ := a.task.result(a.ctx)
		f.goOn(a)
		a.endProgram(false)
		after, err := a.task.result(a.ctx)
		require.NoError(a.t, err)
		require.Equal(a.t, before, after)
	}
	a.requireRanAt(other, a.submit("the next"))
	a.requireNothingLeft()
	require.NoError(a.t, other.Drain(a.ctx))
	require.Empty(a.t, other.Status().Deaths)
}

// killHost kills the supervisor. With it goes all that belongs to it.
func (a *act) killHost(frozen bool) {
	a.t.Helper()
	if frozen {
		freeze(a.t, a.victim.PID)
	}
	a.program.signal(syscall.SIGKILL)
	a.requireProgramGone()
}

// stopHost stops the supervisor, and nothing else.
func (a *act) stopHost() {
	a.t.Helper()
	freeze(a.t, a.program.cmd.Process.Pid)
}

// letRun lets the tasks of the process end.
func (a *act) letRun() {
	if a.stage.runs {
		a.victim.tell("go")
	}
}

// goOn has a stopped supervisor go on, which knows of nothing that has happened
// meanwhile.
func (a *act) goOn() {
	a.t.Helper()
	a.program.signal(syscall.SIGCONT)
	a.line.letGo()
}

// endProgram has the host serve another task, and end in good order.
func (a *act) endProgram(alone bool) {
	a.t.Helper()
	if a.stage.name != draining {
		_, err := a.submit("the next").result(a.ctx)
		require.NoError(a.t, err)
		if alone { // else another host sees to what comes again
			openStore(a.t, a.url).requireEmptyQueue(a.ctx, a.queue)
		}
		a.program.drain()
	}
	a.program.wait()
	a.requireProgramGone()
}

func (a *act) requireProgramGone() {
	a.t.Helper()
	requireGone(a.t, "the host, or what it started, is left", goneWithin, func() []int { return marked(a.program.marker) })
}

// requireRanAt fails unless a task ends well, and has run in the process of a host.
func (a *act) requireRanAt(h *pool.Supervisor, c *call) {
	a.t.Helper()
	result, err := c.result(a.ctx)
	require.NoError(a.t, err)
	require.Equal(a.t, []int{result.PID}, h.PIDs())
}

// requireNothingLeft fails unless the case is over for the broker and the client, and
// no task has failed.
func (a *act) requireNothingLeft() {
	a.t.Helper()
	a.requireLetters()
	require.Zero(a.t, a.client.Pending())
}
