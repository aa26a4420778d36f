package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// Schedule has the broker submit a call of f with arg again and again, from when
// Schedule returns until [Unschedule], whether or not any client is there. It
// replaces a schedule of the same name, which is formed as a queue's.
//
// cron is a crontab's five fields (minute, hour, day, month, weekday), or six with
// seconds first, or @hourly and the like, in UTC or in another [TimeZone]; or
// "@every 90s". Weekday 7 is Sunday, as 0 is. Each time is a task of its own. Nobody waits for its outcome, which
// is stored, and kept for 24 hours unless [Retain] says otherwise. A time that
// passes while the broker is down is not made up for.
//
// The broker looks for the next local time that matches. Where a zone changes its
// clock, a time that is skipped does not fire on that day, and one that is repeated
// fires twice: "30 2 * * *" in Europe/Berlin does so on the last Sundays of March and
// October. Where the clock changes at midnight, or not by whole hours, the schedule may
// miss the whole day, or fire on another. UTC has no such days.
//
// Its error is as that of [Submit], and wraps [ErrOption] if name or cron cannot
// be used, also if it was the broker that said so.
func Schedule[A, R any](ctx context.Context, c *Client, name, cron string, f codec.Func[A, R], arg A, options ...CallOption) error {
	if err := checkSchedule(name); err != nil {
		return err
	}
	s, err := newSubmission(ctx, c, f, options)
	if err != nil {
		return err
	}
	if err := s.refuse("schedule", true, true, false); err != nil {
		return err
	}
	if !s.deadline.IsZero() {
		return fmt.Errorf("%w: Deadline of a schedule; use Limit", ErrOption)
	}
	encoded, err := f.AppendArg(nil, arg)
	if err != nil {
		return err
	}
	task := s.task(encoded)
	task.Numbered = true
	if !s.batch.fits(&task) {
		return fmt.Errorf("%w: the argument of a schedule has %d bytes, and must fit into one message", codec.ErrTooLarge, len(encoded))
	}
	batch := s.batch.batchOf(codec.NewClientIDIn(c.group), &task)
	ctx, cancel := c.within(ctx)
	defer cancel()
	if err := c.transport.Crons().Set(ctx, name, cron, s.zone, batch); err != nil {
		return c.scheduling(ctx, "setting", name, err)
	}
	return nil
}

// Unschedule ends the schedule of that name; it is no error if there is none. What
// it has submitted runs. The error wraps [ErrOption] for a bad name, [ErrClosed]
// or ctx.Err, or says that the broker could not be asked.
func Unschedule(ctx context.Context, c *Client, name string) error {
	if err := checkSchedule(name); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	ctx, cancel := c.within(ctx)
	defer cancel()
	if err := c.transport.Crons().Remove(ctx, name); err != nil {
		return c.scheduling(ctx, "ending", name, err)
	}
	return nil
}

func checkSchedule(name string) error {
	if err := checkQueue(name); err != nil {
		return fmt.Errorf("name of a schedule: %w", err)
	}
	return nil
}

// scheduling says what went wrong with a schedule.
func (c *Client) scheduling(ctx context.Context, doing, name string, err error) error {
	switch {
	case c.life.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("producer: %s the schedule %s: %w%s", doing, name, ended(ctx), c.trouble())
	case errors.Is(err, broker.ErrSchedule):
		return fmt.Errorf("%w: %w", ErrOption, err)
	}
	return fmt.Errorf("producer: %s the schedule %s: %w", doing, name, err)
}
