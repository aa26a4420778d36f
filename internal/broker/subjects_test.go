package broker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestSubjectsAreTheWire(t *testing.T) {
	t.Parallel()
	for want, have := range map[string]string{
		"TASKS_q":                 broker.TaskStream("q"),
		"muster.task.q.high":      broker.TaskSubject("q", broker.High),
		"muster.task.q.normal":    broker.TaskSubject("q", broker.Normal),
		"muster.task.q.low":       broker.TaskSubject("q", broker.Low),
		"muster.task.q.*":         broker.TaskWildcard("q"),
		"workers_low":             broker.WorkersConsumer(broker.Low),
		"muster.reply.c.outcome":  broker.ReplySubject("c"),
		"muster.reply.c.started":  broker.StartedSubject("c"),
		"muster.reply.c.>":        broker.ReplyWildcard("c"),
		"muster.result.c.7":       broker.ResultSubject("c", 7),
		"muster.result.c.>":       broker.ResultWildcard("c"),
		"muster.reply.c.progress": broker.ProgressSubject("c"),
		"muster.live.c.7":         broker.LiveResultSubject("c", 7),
		"muster.live.c.*":         broker.LiveWildcard("c"),
		"muster.dead.q.c.7":       broker.DeadSubject("q", "c", 7),
		"muster.dead.q.unread.7":  broker.UnreadSubject("q", 7),
		"muster.dead.q.>":         broker.DeadWildcard("q"),
		"muster.cancel.q":         broker.CancelSubject("q"),
		"muster.cancelany":        broker.CancelAnySubject,
		"muster.key.q.2c70e12b7a0646f92279f427c7b38e73": broker.KeySubject("q", "key"),
		"muster.key.q.*":                   broker.KeyWildcard("q"),
		"muster.sched.q.low.c.7":           broker.SchedSubject("q", broker.Low, "c", 7),
		"muster.sched.q.high.cron.nightly": broker.CronSubject("q", broker.High, "nightly"),
		"muster.sched.q.>":                 broker.SchedWildcard("q"),
		"muster.due.q.high":                broker.DueSubject("q", broker.High),
		"muster.due.q.*":                   broker.DueWildcard("q"),
		"muster.host.h":                    broker.HostSubject("h"),
		"x":                                broker.HostOf(broker.HostSubject("x")),
		"muster.watch":                     broker.WatchSubject,
		"muster.control.x":                 broker.ControlSubject("x"),
		"lane9":                            broker.Lane(9).String(),
	} {
		require.Equal(t, want, have)
	}
}

func TestValidQueue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "default", "GPU_2-b", strings.Repeat("x", 64)} {
		require.NoError(t, broker.ValidQueue(name))
	}
	for _, name := range []string{"", "a.b", "a b", "*", ">", "é", "a\n", "a/b", strings.Repeat("x", 65)} {
		require.ErrorIs(t, broker.ValidQueue(name), broker.ErrQueueName, "%q", name)
	}
}
