package producer

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/musterfleet/muster/codec"
)

// placing is where and when a call goes.
type placing struct {
	queue string
	lane  Lane
	at    time.Time // not before it, if set
	key   string
	zone  string // of a schedule
}

// delayed reports whether the call is to wait in the broker.
func (p *placing) delayed() bool { return !p.at.IsZero() }

// Queue sends the call to a queue other than the client's.
func Queue(name string) CallOption {
	return func(c *call) error {
		c.queue = name
		return checkQueue(name)
	}
}

// Lane is one of the three priorities of a queue.
type Lane uint8

// The lanes, most urgent first. What waits in one goes before what waits in the
// next, whatever came first.
const (
	High Lane = iota
	Normal
	Low
)

// String returns the lane's name in lower case.
func (l Lane) String() string {
	switch l {
	case High:
		return "high"
	case Normal:
		return "normal"
	case Low:
		return "low"
	}
	return fmt.Sprintf("Lane(%d)", uint8(l))
}

// Priority sends the call to a lane of its queue other than [Normal].
func Priority(lane Lane) CallOption {
	return func(c *call) error {
		if lane > Low {
			return fmt.Errorf("%w: priority %v; use High, Normal or Low", ErrOption, lane)
		}
		c.lane = lane
		return nil
	}
}

// Delay has the task start so long from now at the earliest. It waits in the
// broker, which looks at its clock every 250 ms. The delay ends before the year 2262.
func Delay(d time.Duration) CallOption {
	return func(c *call) error {
		if d < 0 {
			return fmt.Errorf("%w: a delay of %v; use 0s or more", ErrOption, d)
		}
		c.at = time.Now().Add(d)
		return checkTime(fmt.Sprintf("a delay of %v", d), c.at)
	}
}

// At has the task start at t at the earliest, by the broker's clock, which it
// looks at every 250 ms. A time that has passed is as good as now. It is before the
// year 2262, and not the zero time.
func At(t time.Time) CallOption {
	return func(c *call) error {
		if t.IsZero() {
			return fmt.Errorf("%w: a start at the zero time; use the time to start at", ErrOption)
		}
		c.at = t
		return checkTime("a start", t)
	}
}

// keyRetain is how long the outcome of a task with a key is kept unless Retain
// says otherwise: whoever has met the key must still find it.
const keyRetain = 24 * time.Hour

// Key sets the key of the task, any text of at most 128 bytes. While a task of the
// queue that waits or runs has the key, no other task gets it: [Submit] returns a
// future of that one instead. Its argument may be another; if it calls another func,
// Submit fails with [ErrKeyHeld]. The outcome is kept for 24 hours unless [Retain]
// says otherwise.
func Key(key string) CallOption {
	return func(c *call) error {
		if key == "" || len(key) > codec.MaxName || !utf8.ValidString(key) {
			return fmt.Errorf("%w: the key %.140q; use 1 to %d bytes of text", ErrOption, key, codec.MaxName)
		}
		c.key = key
		return nil
	}
}

// TimeZone sets the time zone of a [Schedule], by its name such as
// "Europe/Berlin". The default is UTC.
func TimeZone(name string) CallOption {
	return func(c *call) error {
		if name == "" {
			return fmt.Errorf("%w: a time zone without a name; use one such as Europe/Berlin", ErrOption)
		}
		c.zone = name
		return nil
	}
}

// refuse returns an error if an option is set that has no place in a kind of call.
func (p *placing) refuse(of string, at, key, zone bool) error {
	switch {
	case at && !p.at.IsZero():
		return fmt.Errorf("%w: Delay or At of a %s; use Submit", ErrOption, of)
	case key && p.key != "":
		return fmt.Errorf("%w: Key of a %s; use Submit", ErrOption, of)
	case zone && p.zone != "":
		return fmt.Errorf("%w: TimeZone of a %s; use At with a time in that zone", ErrOption, of)
	}
	return nil
}
