package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// figures sums a history up.
func figures(x *index, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "in %v: %v\n", took.Round(time.Millisecond), tally(x))
	var tasks, stored, durable, shared, right, failures, starts, again, errors int
	slowest := time.Duration(0)
	for _, t := range x.tasks {
		if t.submitted != nil {
			tasks++
		}
		if t.accepted {
			stored++
		}
		if t.durable() {
			durable++
		}
		shared += len(t.shared)
		errors += len(t.errors)
		for i, o := range t.outcomes {
			if o.Failure != "" {
				failures++
			} else if t.submitted != nil && o.Value == compute(t.submitted.Arg) {
				right++
			}
			if t.submitted != nil && i == 0 {
				slowest = max(slowest, time.Duration(o.At-t.submitted.At))
			}
		}
		starts += len(t.starts)
		if len(t.starts) > 1 {
			again++
		}
	}
	fmt.Fprintf(&b, "%d tasks, %d accepted, %d durable, %d submissions more of their keys, by %d clients\n",
		tasks, stored, durable, shared, len(x.clients))
	fmt.Fprintf(&b, "%d right values, %d failures; %.0f a second, the slowest took %v\n",
		right, failures, float64(right+failures)/took.Seconds(), slowest.Round(time.Millisecond))
	fmt.Fprintf(&b, "%d starts; %d tasks started more than once, %d attempts charged, %d errors\n", starts, again, len(charges(x)), errors)
	var deaths, under int
	for _, l := range x.processes {
		if l.dead() {
			deaths++
			if l.last != nil && l.last.Event == started {
				under++
			}
		}
	}
	fmt.Fprintf(&b, "%d worker processes, %d of them died out of turn, %d under a task", len(x.processes), deaths, under)
	return b.String()
}

// tally counts the faults that struck.
func tally(x *index) string {
	counts := map[string]int{}
	for i := range x.records {
		if r := &x.records[i]; r.Event == struck {
			counts[r.Note]++
		}
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d × %s", counts[name], name))
	}
	return strings.Join(all, ", ")
}
