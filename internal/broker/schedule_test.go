package broker_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

// pull takes the next task of a lane.
func pull(t testing.TB, js jetstream.JetStream, queue string, lane broker.Lane) jetstream.Msg {
	t.Helper()
	consumer, err := js.Consumer(t.Context(), broker.TaskStream(queue), broker.WorkersConsumer(lane))
	require.NoError(t, err)
	msg, err := consumer.Next(jetstream.FetchMaxWait(30 * time.Second))
	require.NoError(t, err)
	return msg
}

func TestScheduleReachesItsLane(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	for i, lane := range broker.Lanes {
		at := time.Now().Add(time.Duration(i-1) * 400 * time.Millisecond) // the first has passed
		msg := &nats.Msg{
			Subject: broker.SchedSubject("q", lane, "c", uint64(i)),
			Header:  nats.Header{jetstream.MsgIDHeader: {strconv.Itoa(i)}, "Own": {"header"}},
			Data:    []byte(lane.String()),
		}
		broker.ScheduleAt(msg, "q", lane, at)
		_, err := publish(t, p, msg)
		require.NoError(t, err)

		fired := pull(t, js, "q", lane)
		require.False(t, time.Now().Before(at))
		require.NoError(t, fired.DoubleAck(t.Context()))
		require.Equal(t, lane.String(), string(fired.Data()))
		require.Equal(t, broker.TaskSubject("q", lane), fired.Subject())
		require.Equal(t, broker.SchedSubject("q", lane, "c", uint64(i)), fired.Headers().Get(jetstream.SchedulerHeader))
		require.Equal(t, "header", fired.Headers().Get("Own"))
		require.Equal(t, "purge", fired.Headers().Get("Nats-Schedule-Next"))
		require.Empty(t, fired.Headers().Get(jetstream.MsgIDHeader))
	}
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.ScheduleStream) == 0 }, 10*time.Second, 10*time.Millisecond)
}

// later is a message for lane Low of a queue, due at a time.
func later(queue string, n uint64, at time.Time) *nats.Msg {
	msg := &nats.Msg{Subject: broker.SchedSubject(queue, broker.Low, "c", n), Data: []byte(strconv.FormatUint(n, 10))}
	broker.ScheduleAt(msg, queue, broker.Low, at)
	return msg
}

func TestScheduleReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	tomorrow := time.Now().Add(24 * time.Hour)
	for n := range uint64(3) {
		_, err := publish(t, p, later("q", n, tomorrow))
		require.NoError(t, err)
	}
	for range 2 {
		require.NoError(t, broker.Unschedule(t.Context(), js, broker.SchedSubject("q", broker.Low, "c", 1)))
	}
	_, err := publish(t, p, later("q", 2, time.Now()))
	require.NoError(t, err)
	fired := pull(t, js, "q", broker.Low)
	require.Equal(t, "2", string(fired.Data()))
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.ScheduleStream) == 1 }, 10*time.Second, time.Millisecond)
}

func TestSchedulesAreListed(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	at := time.Now().Add(24 * time.Hour)
	cron := &nats.Msg{Subject: broker.CronSubject("q", broker.High, "nightly"), Data: []byte("cron")}
	require.NoError(t, broker.ScheduleCron(cron, "q", broker.High, "30 2 * * *", "Europe/Berlin"))
	for _, msg := range []*nats.Msg{later("q", 7, at), cron, later("r", 8, at), {Subject: broker.SchedWildcard("q")[:15] + "stranger"}} {
		_, err := publish(t, p, msg)
		require.NoError(t, err)
	}
	list := func(queue string) (all []broker.Schedule) {
		for s, err := range broker.Schedules(t.Context(), js, queue) {
			require.NoError(t, err)
			all = append(all, s)
		}
		return all
	}
	require.Len(t, list(""), 3)
	all := list("q")
	require.Len(t, all, 2)
	require.True(t, at.Equal(all[0].At), "to the nanosecond")
	all[0].At = time.Time{}
	require.Equal(t, []broker.Schedule{
		{Subject: broker.SchedSubject("q", broker.Low, "c", 7), Queue: "q", Lane: broker.Low, Client: "c", N: 7, Data: []byte("7")},
		{Subject: cron.Subject, Queue: "q", Lane: broker.High, Cron: "nightly", Expr: "0 30 2 * * *", Zone: "Europe/Berlin", Data: []byte("cron")},
	}, all)
	for range broker.Schedules(t.Context(), js, "q") {
		break
	}
}

func TestCronFiresAgainAndAgain(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	msg := &nats.Msg{Subject: broker.CronSubject("q", broker.Normal, "tick"), Data: []byte("tick")}
	require.NoError(t, broker.ScheduleCron(msg, "q", broker.Normal, "* * * * * *", ""))
	_, err := publish(t, p, msg)
	require.NoError(t, err)
	var last uint64
	for range 2 {
		fired := pull(t, js, "q", broker.Normal)
		require.NoError(t, fired.DoubleAck(t.Context()))
		require.Equal(t, "tick", string(fired.Data()))
		require.Equal(t, msg.Subject, fired.Headers().Get(jetstream.SchedulerHeader))
		at, err := broker.ParseAck(fired.Reply())
		require.NoError(t, err)
		require.Greater(t, at.StreamSeq, last)
		last = at.StreamSeq
	}
	require.NoError(t, broker.Unschedule(t.Context(), js, msg.Subject))
}

// What is sent of an expression the server takes; of zones it knows which there are.
func TestCronAtTheServer(t *testing.T) {
	t.Parallel()
	nc, _ := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	set := func(expr, zone string) error {
		msg := &nats.Msg{Subject: broker.CronSubject("q", broker.Normal, "c")}
		require.NoError(t, broker.ScheduleCron(msg, "q", broker.Normal, expr, zone))
		_, err := publish(t, p, msg)
		return err
	}
	require.ErrorContains(t, set("* * * * *", "Atlantis"), "schedul")
	for _, c := range [][2]string{
		{"@hourly", "Asia/Tokyo"}, {"@every 2s", ""}, {"@every 876000h", ""}, {"*/5  9-17 * * 1-5", "America/New_York"},
		{"0 4 * * 7", ""}, {"0 4 * * fri-sun,2", "UTC"}, {"*/60 */24 1/31 jan-DEC/12 6-7/1", ""}, {"0 0 29 2 ?", ""},
	} {
		require.NoError(t, set(c[0], c[1]), "%q", c)
	}
}

// What is due waits for its queue: until it exists, while another queue's
// tasks go ahead, and while it is full; and it arrives once.
func TestDueTasksWaitForTheirQueue(t *testing.T) {
	t.Parallel()
	cfg := broker.ServerConfig{StoreDir: t.TempDir(), Port: -1}
	s := startServer(t, cfg)
	nc, js := queueOn(t, s.URL())
	cfg.Port = port(t, s)
	p := newPublisher(t, nc, broker.NewPublisher)
	const n = 20
	for i := range uint64(n) {
		msg := later("full", i, time.Now())
		msg.Data = append(msg.Data, make([]byte, 300)...)
		_, err := publish(t, p, msg)
		require.NoError(t, err)
	}
	_, err := publish(t, p, later("q", 99, time.Now()))
	require.NoError(t, err)
	require.NoError(t, pull(t, js, "q", broker.Low).DoubleAck(t.Context()))
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.ScheduleStream) == n }, 10*time.Second, time.Millisecond)

	require.NoError(t, broker.EnsureQueue(t.Context(), js, "full", broker.StreamOptions{MaxBytes: 5000}))
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.TaskStream("full")) > 5 }, 10*time.Second, time.Millisecond)
	s.Shutdown()
	startServer(t, cfg)
	require.Eventually(t, nc.IsConnected, 10*time.Second, time.Millisecond)
	for i := range n {
		msg := pull(t, js, "full", broker.Low)
		require.NoError(t, msg.DoubleAck(t.Context()))
		require.Equal(t, strconv.Itoa(i), string(msg.Data()[:len(msg.Data())-300]))
	}
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.ScheduleStream) == 0 }, 10*time.Second, time.Millisecond)
	require.Zero(t, streamMsgs(t, js, broker.TaskStream("full")))
}
