package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
)

// crons is the cron schedules in the stream of schedules.
type crons struct{ js jetstream.JetStream }

// The server's codes for an expression and for a time zone that it does not know.
const (
	errCodeCron jetstream.ErrorCode = 10189
	errCodeZone jetstream.ErrorCode = 10223
)

// Crons returns the cron schedules.
func (r *remote) Crons() transport.Crons { return crons{r.js} }

// Set stores a schedule, and then removes what the name had in other lanes and
// queues.
func (s crons) Set(ctx context.Context, name, expr, zone string, b transport.Batch) error {
	lane := broker.Lane(b.Lane)
	msg := &nats.Msg{Subject: broker.CronSubject(b.Queue, lane, name), Data: b.Data}
	if err := broker.ScheduleCron(msg, b.Queue, lane, expr, zone); err != nil {
		return err
	}
	_, err := s.js.PublishMsg(ctx, msg)
	if refused, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch refused.ErrorCode {
		case errCodeCron:
			return fmt.Errorf("%w %.80q: the broker does not take it", broker.ErrSchedule, expr)
		case errCodeZone:
			return fmt.Errorf("%w: the broker knows no time zone %.80q; use a name such as Europe/Berlin", broker.ErrSchedule, zone)
		}
	}
	if err != nil {
		return fmt.Errorf("storing it: %w", err)
	}
	stream, err := s.js.Stream(ctx, broker.ScheduleStream)
	if err != nil {
		return fmt.Errorf("looking for earlier ones: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(broker.CronAnywhere(name)))
	if err != nil {
		return fmt.Errorf("looking for earlier ones: %w", err)
	}
	for subject := range info.State.Subjects {
		if subject == msg.Subject {
			continue
		}
		if err := broker.Unschedule(ctx, s.js, subject); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a schedule, whatever its queue and lane.
func (s crons) Remove(ctx context.Context, name string) error {
	return broker.Unschedule(ctx, s.js, broker.CronAnywhere(name))
}
