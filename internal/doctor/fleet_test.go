package doctor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/doctor"
	"github.com/musterfleet/muster/producer"
)

// typo is a func that no host has.
var typo = codec.NewFunc[int, int]("dubble")

// store submits a task that waits.
func (b *bench) store(c *producer.Client, f codec.Func[int, int]) {
	b.t.Helper()
	_, err := producer.Submit(b.ctx, c, f, 1)
	require.NoError(b.t, err)
	require.NoError(b.t, c.Flush(b.ctx))
}

func TestNoWorkers(t *testing.T) {
	b := newBench(t).broker()
	c := b.client()
	b.examine().requires(doctor.CheckWorkers, doctor.Warning, "default", "no workers: .*wait: 0")
	b.store(c, double)
	b.examine().requires(doctor.CheckWorkers, doctor.Problem, "default", "no workers: no worker host serves the queue; messages that wait: 1")
}

func TestMissingFunc(t *testing.T) {
	b := newBench(t).broker()
	c := b.client()
	b.host()
	found := b.examineWith(doctor.Config{Funcs: []string{"double", "halve"}})
	found.requires(doctor.CheckFunc, doctor.Problem, "default", `missing func: no host of the queue has a handler for "halve", which is asked for by --func`)

	f, err := producer.Submit(b.ctx, c, typo, 1)
	require.NoError(t, err)
	_, err = f.Result(b.ctx)
	require.ErrorIs(t, err, codec.ErrUnknownFunc)
	require.Eventually(t, func() bool { // it is told with the next heartbeat
		for _, f := range b.examine().all {
			if f.Check == doctor.CheckFunc && f.Level == doctor.Problem {
				return matched("^missing func: tasks that failed on host \\S+ with an unknown func: \\d+; the callers' errors name the func$", f.Saw)
			}
		}
		return false
	}, patience, time.Millisecond)
}

func TestMissingFuncOfWaitingTasks(t *testing.T) {
	b := newBench(t).broker()
	c := b.client()
	js := b.js()
	require.NoError(t, broker.Pause(b.ctx, js, "default"))
	b.store(c, typo)
	b.host()
	found := b.examine()
	found.requires(doctor.CheckFunc, doctor.Problem, "default", `missing func: .*"dubble", which is asked for by tasks that wait`)
	found.requires(doctor.CheckPause, doctor.Warning, "default", "the queue is paused, and messages wait: 1")
}

func TestMissingFuncOfDeadLetters(t *testing.T) {
	b := newBench(t).broker()
	c := b.client()
	end := b.host()
	f, err := producer.Submit(b.ctx, c, fail, 1, producer.Attempts(2), producer.Backoff(time.Millisecond))
	require.NoError(t, err)
	_, err = f.Result(b.ctx)
	require.ErrorContains(t, err, "as always")
	found := b.examine()
	found.requires(doctor.CheckDeadLetters, doctor.Warning, "default", "dead letters: 1")
	found.requires(doctor.CheckFunc, doctor.OK, "default", "asked for: 1")
	end()
	b.pretendSound()
	b.examine().requires(doctor.CheckFunc, doctor.Warning, "default", `missing func: .*"fail", which is asked for by dead letters`)
}

func TestHostsThatDiffer(t *testing.T) {
	b := newBench(t).broker()
	b.client()
	b.pretendSound()
	b.pretend("bbbbbbbb", func(s *codec.HostStatus) { s.Version, s.Funcs = "v2", []string{"double", "halve"} })
	b.pretend("cccccccc", func(s *codec.HostStatus) { s.Sent = s.Sent.Add(-time.Hour) })
	b.pretend("dddddddd", func(s *codec.HostStatus) {
		s.State, s.Latest = codec.HostUnhealthy, []codec.ProcessDeath{{Text: "exit status 3"}}
	})
	found := b.examineWith(doctor.Config{Funcs: []string{"halve"}})
	found.requires(doctor.CheckHost, doctor.OK, "host-a (aaaaaaaa)", "serving")
	found.requires(doctor.CheckHost, doctor.Warning, "default", "differ in their versions: host-a, host-c, host-d: v1; host-b: v2")
	found.requires(doctor.CheckHost, doctor.Warning, "default", "differ in their funcs: .*; host-b: double halve")
	found.requires(doctor.CheckClock, doctor.Problem, "host-c (cccccccc)", "clock skew: .* behind this machine's")
	found.requires(doctor.CheckClock, doctor.OK, "host-a (aaaaaaaa)", "")
	found.requires(doctor.CheckHost, doctor.Problem, "host-d (dddddddd)", "unhealthy: .*exit status 3")
	found.requires(doctor.CheckFunc, doctor.Warning, "default", `these hosts of the queue have not: host-a, host-c, though others have, a handler for "halve"`)
}

func TestProcessesThatWaitToBeStartedAgain(t *testing.T) {
	b := newBench(t).broker()
	b.client()
	b.pretend("aaaaaaaa", func(s *codec.HostStatus) {
		died := &codec.ProcessDeath{Text: "exit status 4"}
		s.Want, s.Latest = 4, []codec.ProcessDeath{*died}
		s.Processes = []codec.ProcessStatus{
			{State: codec.ProcessBackoff}, {State: codec.ProcessDown, Died: died}, // of this version, and an earlier one
			{State: codec.ProcessDormant, Died: died}, {State: codec.ProcessDown},
		}
	})
	b.examine().requires(doctor.CheckHost, doctor.Warning, "host-a (aaaaaaaa)", "started again: 2 of 4; the last death: exit status 4")
}
