package broker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A scheduled task waits in the stream of schedules. When its time has come the
// server moves it to the queue's due subject in the same stream, and the
// queue's own stream fetches it from there. What is due stays until it has been
// fetched: while the queue is full, and also while there is no such queue.
//
// A worker gets the message as any other of its lane, with the body as it was
// published, and in the headers
//
//	Nats-Scheduler:      the schedule's subject, a [SchedSubject] or [CronSubject]
//	Nats-Schedule-Next:  "purge", or when a cron schedule fires next
//	Nats-Stream-Source:  stream and sequence that it was fetched from
//
// besides its own headers, without Nats-Msg-Id. After a crash of the server a
// message may be fetched twice.

// ScheduleAt makes msg a task's message that reaches the lane at a time,
// once it is published to a [SchedSubject]. A time that has passed is as good
// as now, and one after [LatestTime] must not be. The server looks at its schedules no
// more often than every 250 ms.
func ScheduleAt(msg *nats.Msg, queue string, lane Lane, at time.Time) {
	// The client library's option cuts the time to seconds, which is early.
	schedule(msg, queue, lane, "@at "+at.UTC().Format(time.RFC3339Nano))
}

// LatestTime is the last instant for which a task can be scheduled, or its deadline set:
// the end of the last whole year that the server can count, in nanoseconds since 1970.
// A later one would overflow there, and so be in the past.
var LatestTime = time.Date(2262, 1, 1, 0, 0, 0, -1, time.UTC)

// ScheduleCron makes msg one that reaches the lane again and again, once it is
// published to a [CronSubject]. expr is a crontab's five fields, or six with
// seconds first, or @hourly and the like, or "@every 90s"; zone is a name such
// as "Europe/Berlin" for all but the last, or empty for UTC. The error is
// [ErrSchedule]; the server refuses a zone that it does not know when it is published.
func ScheduleCron(msg *nats.Msg, queue string, lane Lane, expr, zone string) error {
	c, err := parseCron(expr)
	if err != nil {
		return err
	}
	if zone != "" {
		if strings.HasPrefix(c.text, "@every ") {
			return fmt.Errorf("%w %.80q: a period has no time zone", ErrSchedule, c.text)
		}
		if err := checkZone(zone); err != nil {
			return err
		}
	}
	schedule(msg, queue, lane, c.text)
	if zone != "" {
		msg.Header.Set(jetstream.ScheduleTimeZoneHeader, zone)
	}
	return nil
}

func schedule(msg *nats.Msg, queue string, lane Lane, when string) {
	if msg.Header == nil {
		msg.Header = nats.Header{}
	}
	msg.Header.Set(jetstream.ScheduleHeader, when)
	msg.Header.Set(jetstream.ScheduleTargetHeader, DueSubject(queue, lane))
}

// Scheduled returns the message that waits at a schedule's subject, which may have
// wildcards, and nil if there is none.
func Scheduled(ctx context.Context, js jetstream.JetStream, subject string) ([]byte, error) {
	msg, err := UnlessRefused(ctx, js.Conn(), func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		stream, err := js.Stream(ctx, ScheduleStream)
		if err != nil {
			return nil, err
		}
		return stream.GetLastMsgForSubject(ctx, subject)
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the schedule %s: %w", subject, err)
	}
	return msg.Data, nil
}

// Unschedule removes the schedule at a subject; that there is none is no error.
// A subject with wildcards removes all that match. What has fired already is
// not held back.
func Unschedule(ctx context.Context, js jetstream.JetStream, subject string) error {
	if err := purgeSubject(ctx, js.Conn(), ScheduleStream, subject); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("removing the schedule %s: %w", subject, err)
	}
	return nil
}

// Schedule is what is stored of a scheduled task.
type Schedule struct {
	Subject string
	Queue   string
	Lane    Lane
	Client  string    // whose task it is; empty for a cron schedule
	N       uint64    // the client's number for it
	Cron    string    // name of a cron schedule
	At      time.Time // when the task is due; zero for a cron schedule
	Expr    string    // of a cron schedule, six fields, or one that begins with @
	Zone    string    // of a cron schedule; empty for UTC
	Data    []byte    // the message that is to reach the lane
}

// Schedules yields the schedules of a queue, or of all if the queue is empty,
// in the order in which they were stored. It holds one at a time, asks the
// broker for each, and ends with what had been stored when it began, or with
// an error.
func Schedules(ctx context.Context, js jetstream.JetStream, queue string) iter.Seq2[Schedule, error] {
	filter := schedPrefix + ">"
	if queue != "" {
		filter = SchedWildcard(queue)
	}
	return func(yield func(Schedule, error) bool) {
		for msg, err := range storedMessages(ctx, js, ScheduleStream, filter) {
			if err != nil {
				yield(Schedule{}, err)
				return
			}
			if s, ok := readSchedule(msg); ok && !yield(s, nil) {
				return
			}
		}
	}
}

// readSchedule is not ok for what Muster has not stored.
func readSchedule(msg *jetstream.RawStreamMsg) (s Schedule, ok bool) {
	rest, ok := strings.CutPrefix(msg.Subject, schedPrefix)
	tokens := strings.Split(rest, ".")
	if !ok || len(tokens) != 4 && len(tokens) != 5 { // 5: the client has a group
		return s, false
	}
	s = Schedule{Subject: msg.Subject, Queue: tokens[0], Data: msg.Data, Zone: msg.Header.Get(jetstream.ScheduleTimeZoneHeader)}
	if s.Lane, ok = laneNamed(tokens[1]); !ok {
		return s, false
	}
	when := msg.Header.Get(jetstream.ScheduleHeader)
	last := len(tokens) - 1
	if tokens[2] == cronToken {
		s.Cron, s.Expr = tokens[3], when
		return s, last == 3
	}
	s.Client = strings.Join(tokens[2:last], ".")
	s.N, ok = parseDigits(tokens[last])
	at, err := time.Parse("@at "+time.RFC3339Nano, when)
	s.At = at
	return s, ok && err == nil
}

// scheduleStream refuses nothing for want of room short of the store's limit:
// the server allows no other policy with schedules.
func scheduleStream(opts StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              ScheduleStream,
		Description:       "muster: schedules, and what is due",
		Subjects:          []string{schedPrefix + ">", duePrefix + ">"},
		Retention:         jetstream.WorkQueuePolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld, // of limits, of which there are none
		MaxBytes:          -1,
		Duplicates:        duplicateWindow,
		Replicas:          opts.Replicas,
		AllowMsgSchedules: true,
		AllowRollup:       true, // a schedule replaces the one before
	}
}

// feedConsumer is how a queue's stream fetches what is due. It is ours, and
// made before the stream, because one that the server makes by itself may begin
// at the time of the stream's last message, and so leave out what was due
// before.
func feedConsumer(queue string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:        feedName(queue),
		Description:    "muster: feeds " + TaskStream(queue),
		FilterSubject:  DueWildcard(queue),
		DeliverSubject: feedPrefix + queue,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckFlowControlPolicy, // the fetching stream acknowledges what it has stored
		MaxDeliver:     -1,
		FlowControl:    true,
		IdleHeartbeat:  time.Second, // the one that the server asks for
		MaxAckPending:  feedPending,
	}
}

// feedPending is how many messages are fetched before the stream acknowledges
// them; fewer wait for the heartbeat.
const feedPending = 1

func feedName(queue string) string { return "feed_" + queue }

func scheduleSource(queue string) *jetstream.StreamSource {
	return &jetstream.StreamSource{
		Name:              ScheduleStream,
		SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: DueWildcard(queue), Destination: taskPrefix + queue + ".{{wildcard(1)}}"}},
		Consumer:          &jetstream.StreamConsumerSource{Name: feedName(queue), DeliverSubject: feedPrefix + queue},
	}
}

func laneNamed(name string) (Lane, bool) {
	for _, lane := range Lanes {
		if lane.String() == name {
			return lane, true
		}
	}
	return 0, false
}
