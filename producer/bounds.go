package producer

import (
	"fmt"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// CheckOptions reports the first mistake in options of a call, without a client. Its
// error wraps [ErrOption]. It is for a program that takes them from its user.
func CheckOptions(options ...CallOption) error {
	_, err := call{}.with(options)
	return err
}

// What follows bounds every time, period and budget that an option may set, so that
// nothing is cut or overflows on its way: the wire counts milliseconds, and the server
// nanoseconds.

// checkTime refuses a time after [broker.LatestTime].
func checkTime(what string, t time.Time) error {
	if t.After(broker.LatestTime) {
		return fmt.Errorf("%w: %s ends in the year %d; the latest time is %s", ErrOption, what, t.Year(), broker.LatestTime.Format(time.DateTime+" UTC"))
	}
	return nil
}

func checkPeriod(what string, d, most time.Duration) error {
	if d <= 0 || d > most {
		return fmt.Errorf("%w: %s of %v; use more than 0s and at most %v", ErrOption, what, d, most)
	}
	return nil
}

func checkBudget(what string, attempts int) error {
	if attempts < 1 || attempts > codec.MaxAttempts {
		return fmt.Errorf("%w: %s of %d attempts; use 1 to %d", ErrOption, what, attempts, codec.MaxAttempts)
	}
	return nil
}
