package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// On a server where nobody has used Muster there is nothing to see, and looking leaves
// it so: also what fails for want of its object creates nothing.
func TestLookingCreatesNothing(t *testing.T) {
	s := newScene(t)
	js := s.jetStream()
	id := codec.ID{Client: "k3xf9mq2l7zt4b6c", N: 42}.String()

	queues, err := s.fleet.Queues(s.ctx)
	require.NoError(t, err)
	require.Empty(t, queues)
	schedules, err := s.fleet.Schedules(s.ctx)
	require.NoError(t, err)
	require.Empty(t, schedules)
	require.Empty(t, s.letters(""))
	require.Empty(t, s.letters("q"))
	hosts, err := s.fleet.Hosts(s.ctx)
	require.NoError(t, err)
	require.Empty(t, hosts)
	n, err := s.fleet.CountDead(s.ctx, "q")
	require.NoError(t, err)
	require.Zero(t, n)
	waits, err := s.fleet.Scheduled(s.ctx, id)
	require.NoError(t, err)
	require.False(t, waits)
	watch, err := s.fleet.Watch(s.ctx)
	require.NoError(t, err)
	watch.Close()
	for name, test := range map[string]struct {
		do   func() error
		want error
	}{
		"Queue":       {func() error { _, err := s.fleet.Queue(s.ctx, "q"); return err }, fleet.ErrNoQueue},
		"Pause":       {func() error { return s.fleet.Pause(s.ctx, "q") }, fleet.ErrNoQueue},
		"Resume":      {func() error { return s.fleet.Resume(s.ctx, "q") }, fleet.ErrNoQueue},
		"Purge":       {func() error { _, err := s.fleet.Purge(s.ctx, "q"); return err }, fleet.ErrNoQueue},
		"Outcome":     {func() error { _, err := s.fleet.Outcome(s.ctx, id); return err }, fleet.ErrNoOutcome},
		"DeadLetter":  {func() error { _, err := s.fleet.DeadLetter(s.ctx, id); return err }, fleet.ErrNoLetter},
		"unread":      {func() error { _, err := s.fleet.DeadLetter(s.ctx, "unread:q:1"); return err }, fleet.ErrNoLetter},
		"RemoveDead":  {func() error { return s.fleet.RemoveDead(s.ctx, id) }, fleet.ErrNoLetter},
		"RetryDead":   {func() error { _, err := s.fleet.RetryDead(s.ctx, id); return err }, fleet.ErrNoLetter},
		"Host":        {func() error { _, err := s.fleet.Host(s.ctx, "h"); return err }, fleet.ErrNoHost},
		"CreateQueue": {func() error { return s.fleet.CreateQueue(s.ctx, "a.b") }, fleet.ErrQueueName},
	} {
		require.ErrorIs(t, test.do(), test.want, name)
	}
	for name := range js.StreamNames(s.ctx).Name() {
		require.Fail(t, "looking has created stream "+name)
	}

	require.NoError(t, s.fleet.CreateQueue(s.ctx, "q"))
	var all []string
	for name := range js.StreamNames(s.ctx).Name() {
		all = append(all, name)
	}
	require.ElementsMatch(t, []string{"TASKS_q", "RESULTS", "DEAD", "SCHED", "CANCELS", "OBJ_MUSTER"}, all)
}
