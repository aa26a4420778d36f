package chaos

import (
	"fmt"
	"strings"
	"time"
)

// figures sums a history up.
func figures(x *index, took time.Duration) string {
	var tasks, stored, outcomes, failures, starts, again, charged int
	for _, t := range x.tasks {
		if t.submitted != nil {
			tasks++
		}
		if t.accepted {
			stored++
		}
		for _, o := range t.outcomes {
			outcomes++
			if o.Failure != "" {
				failures++
			}
		}
		starts += len(t.starts)
		if len(t.starts) > 1 {
			again++
		}
	}
	charged = len(charges(x))
	var deaths, struck int
	for _, l := range x.processes {
		if l.dead() {
			deaths++
			if l.last != nil && l.last.Event == started {
				struck++
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d tasks, %d accepted, %d outcomes of which %d failures, in %v (%.0f tasks/s)\n",
		tasks, stored, outcomes, failures, took.Round(time.Millisecond), float64(outcomes)/took.Seconds())
	fmt.Fprintf(&b, "%d starts; %d tasks started more than once; %d attempts charged\n", starts, again, charged)
	fmt.Fprintf(&b, "%d worker processes ran tasks or died; %d died out of turn, %d of them under a task", len(x.processes), deaths, struck)
	return b.String()
}
