package chaos

import (
	"fmt"

	"github.com/musterfleet/muster/codec"
)

// invariant is what must hold of any history. Its check gives what violates it.
type invariant struct {
	name  string
	check func(*index) []string
}

var invariants = []invariant{
	{"every accepted task has an outcome", nothingLost},
	{"no task has a second outcome", nothingTwice},
	{"outcomes and starts are of tasks that were submitted", nothingInvented},
	{"every value is right, and was computed", rightValues},
	{"every failure is due", failuresDue},
	{"an attempt is charged for a death under it only", chargesDue},
	{"a worker process runs one task at a time", oneAtATime},
	{"a worker process dies of a fault only", deathsExplained},
	{"nothing ends unasked, and nothing is left", nothingLeft},
}

// check gives what violates the invariants, a few of each.
func check(x *index) (violations []string) {
	const most = 5
	for _, i := range invariants {
		found := i.check(x)
		for n, v := range found {
			if n == most {
				violations = append(violations, fmt.Sprintf("%s: and %d more", i.name, len(found)-most))
				break
			}
			violations = append(violations, i.name+": "+v)
		}
	}
	return violations
}

func nothingLost(x *index) (found []string) {
	for _, t := range x.tasks {
		if t.accepted && len(t.outcomes) == 0 {
			found = append(found, fmt.Sprintf("%s has none; it was started %d times and finished %d times", t.id, len(t.starts), len(t.finishes)))
		}
	}
	return found
}

func nothingTwice(x *index) (found []string) {
	for _, t := range x.tasks {
		if len(t.outcomes) > 1 {
			found = append(found, fmt.Sprintf("%s has %d", t.id, len(t.outcomes)))
		}
	}
	return found
}

func nothingInvented(x *index) (found []string) {
	for _, t := range x.tasks {
		if t.submitted == nil {
			found = append(found, fmt.Sprintf("%s has %d outcomes and %d starts", t.id, len(t.outcomes), len(t.starts)))
		}
	}
	return found
}

func rightValues(x *index) (found []string) {
	for _, t := range x.tasks {
		for _, o := range t.outcomes {
			if t.submitted == nil || o.Failure != "" {
				continue // other invariants'
			}
			if want := compute(t.submitted.Arg); o.Value != want {
				found = append(found, fmt.Sprintf("%s came to %d instead of %d", t.id, o.Value, want))
			}
			if len(t.finishes) == 0 || t.finishes[0].At > o.At {
				found = append(found, fmt.Sprintf("%s has a value, and no handler had finished it", t.id))
			}
		}
	}
	return found
}

// failuresDue: a task fails only when its process died under it as often as it
// may, which chargesDue looks into, or could never have come to anything else.
func failuresDue(x *index) (found []string) {
	for _, t := range x.tasks {
		for _, o := range t.outcomes {
			switch {
			case t.submitted == nil:
			case o.Failure == "" && t.submitted.Deaths >= t.submitted.Budget:
				found = append(found, fmt.Sprintf("%s succeeded, though it kills its process whenever it may", t.id))
			case o.Failure == "":
			case o.Failure != string(codec.CodeWorkerDied):
				found = append(found, fmt.Sprintf("%s failed: %s %s", t.id, o.Failure, o.Note))
			case o.Attempt != t.submitted.Budget:
				found = append(found, fmt.Sprintf("%s failed in attempt %d of %d", t.id, o.Attempt, t.submitted.Budget))
			}
		}
	}
	return found
}

func oneAtATime(x *index) (found []string) {
	running := map[process]*record{}
	for i := range x.records {
		r := &x.records[i]
		p := process{r.PID, r.Born}
		switch r.Event {
		case started:
			if before := running[p]; before != nil {
				found = append(found, fmt.Sprintf("process %d starts %s while it runs %s", r.PID, r.Task, before.Task))
			}
			running[p] = r
		case finished:
			if before := running[p]; before == nil || before.Task != r.Task || before.Attempt != r.Attempt {
				found = append(found, fmt.Sprintf("process %d finishes %s, which it did not run", r.PID, r.Task))
			}
			delete(running, p)
		}
	}
	return found
}

// deathsExplained: a process that has become ready ends when it is told to, or is
// killed. One that finds no broker to begin with may give up.
func deathsExplained(x *index) (found []string) {
	for _, l := range x.processes {
		if l.buried != nil && l.served && !l.buried.Expected && !l.killed {
			found = append(found, fmt.Sprintf("process %d on host %s, which nobody killed: %s", l.pid, l.buried.Host, l.buried.Note))
		}
	}
	return found
}

func nothingLeft(x *index) (found []string) {
	for i := range x.records {
		if r := &x.records[i]; r.Event == left {
			found = append(found, r.Note)
		}
	}
	return found
}
