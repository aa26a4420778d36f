package doctor

import (
	"fmt"
	"time"
)

const (
	// slightSkew may be the time that a message took through a busy machine.
	slightSkew = 2 * time.Second
	// badSkew makes deadlines and delays wrong by as much.
	badSkew = 10 * time.Second
)

const setClock = "set the clocks by NTP: deadlines, delays and cron schedules are told by them"

// clock compares this machine's clock with the broker's, which told its own at a time
// of ours.
func (e *examination) clock(info userInfo, at time.Time, err error) {
	if err != nil || info.Server.Time.IsZero() {
		e.warn(CheckClock, "broker", "the broker does not tell its time",
			"allow the user to publish to $SYS.REQ.USER.INFO and to subscribe to its inbox")
		return
	}
	e.compare("broker", info.Server.Time.Sub(at))
}

// compare judges how far another clock is ahead of this machine's.
func (e *examination) compare(about string, ahead time.Duration) {
	direction, size := "ahead of", ahead
	if ahead < 0 {
		direction, size = "behind", -ahead
	}
	saw := fmt.Sprintf("clock skew: its clock is %v %s this machine's", size.Round(time.Millisecond), direction)
	switch {
	case size >= badSkew:
		e.problem(CheckClock, about, saw, setClock)
	case size >= slightSkew:
		e.warn(CheckClock, about, saw, setClock)
	default:
		e.ok(CheckClock, about, "its clock is within %v of this machine's", slightSkew)
	}
}
