package chaos

import (
	"fmt"

	"github.com/musterfleet/muster/codec"
)

// erring returns the attempts that have ended with an error.
func (t *task) erring() map[int]bool {
	all := map[int]bool{}
	for _, e := range t.errors {
		all[e.Attempt] = true
	}
	return all
}

// errorsWithinBudget: a task returns no more errors than it may. Attempts that are
// started again count once; one under which a process has died too, perhaps in
// the moment after its error, may have been charged as a crash.
func errorsWithinBudget(x *index) (found []string) {
	crashed, _ := deathsUnder(x)
	for _, l := range x.processes {
		if l.dead() && l.last != nil && l.last.Event == erred {
			crashed[attempt{l.last.Task, l.last.Attempt}] = true
		}
	}
	for _, t := range x.tasks {
		count := 0
		for n := range t.erring() {
			if !crashed[attempt{t.id, n}] {
				count++
			}
		}
		if t.submitted != nil && count > t.submitted.Attempts {
			found = append(found, fmt.Sprintf("%s has returned %d errors of %d", t.id, count, t.submitted.Attempts))
		}
	}
	return found
}

// lettersKept: a failure that has used up a budget leaves a dead letter, which is
// there before the outcome is. The future of a dead client may have no outcome.
func lettersKept(x *index) (found []string) {
	for _, t := range x.tasks {
		s := t.submitted
		if s == nil {
			continue // nothingInvented's
		}
		if t.kept && s.Deaths < s.Budget && s.Errors < hopeless {
			found = append(found, t.id+" is kept, and had no reason to fail")
		}
		for _, o := range t.outcomes {
			givenUp := o.Failure == string(codec.CodeWorkerDied) || o.Failure == string(codec.CodeError) && s.Attempts > 1
			if givenUp && !t.kept {
				found = append(found, fmt.Sprintf("%s has failed, %s, and is not kept", t.id, o.Failure))
			}
		}
	}
	return found
}
