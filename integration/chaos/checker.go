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
	{"no future has a second outcome", nothingTwice},
	{"all futures of a task have the same outcome", oneOutcome},
	{"outcomes and starts are of tasks that were submitted", nothingInvented},
	{"every value is right, and was computed", rightValues},
	{"every failure is due", failuresDue},
	{"an attempt is charged for a death under it only", chargesDue},
	{"a task returns no more errors than it may", errorsWithinBudget},
	{"what is given up is kept as a dead letter, and nothing else is", lettersKept},
	{"a key is one task's at a time", oneHolder},
	{"a key is given up by a task that is over", keysGivenUp},
	{"tasks are shared by their key only", sharedByKey},
	{"a worker process runs one task at a time", oneAtATime},
	{"a worker process dies of a fault only", deathsExplained},
	{"nothing ends unasked, and nothing is left", nothingLeft},
}

// check returns what violates the invariants, a few of each.
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
// may, which chargesDue looks into, or it returned as many errors as it may; or
// could never have come to anything else.
func failuresDue(x *index) (found []string) {
	for _, t := range x.tasks {
		for _, o := range t.outcomes {
			if t.submitted == nil {
				continue // nothingInvented's
			}
			if why := t.undue(o); why != "" {
				found = append(found, t.id+" "+why)
			}
		}
	}
	return found
}

// undue returns what is wrong with an outcome's being a failure, or none.
func (t *task) undue(o *record) string {
	s, errors := t.submitted, 0
	for n := range t.erring() {
		if n <= o.Attempt {
			errors++
		}
	}
	switch o.Failure {
	case "":
		if s.Deaths >= s.Budget {
			return "succeeded, though it kills its process whenever it may"
		}
		if s.Errors >= hopeless {
			return "succeeded, though it never does"
		}
	case string(codec.CodeWorkerDied):
		if o.Attempt < s.Budget || o.Attempt > s.Budget+errors {
			return fmt.Sprintf("failed by a death in attempt %d, after %d errors, of %d that may end so", o.Attempt, errors, s.Budget)
		}
	case string(codec.CodeError):
		switch {
		case s.Errors < hopeless:
			return fmt.Sprintf("failed with an error, in attempt %d, though it would have succeeded", o.Attempt)
		case errors < s.Attempts:
			return fmt.Sprintf("failed after %d errors of %d", errors, s.Attempts)
		case o.Note != complaint(s.Arg):
			return fmt.Sprintf("failed with %q instead of %q", o.Note, complaint(s.Arg))
		}
	default:
		return fmt.Sprintf("failed: %s %s", o.Failure, o.Note)
	}
	return ""
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
		case finished, erred:
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
