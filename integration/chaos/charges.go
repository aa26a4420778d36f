package chaos

import (
	"fmt"

	"github.com/musterfleet/muster/codec"
)

// attempt is one of a task's attempts, however often it was started: leases that
// end have tasks started again uncharged.
type attempt struct {
	task   string
	number int
}

// chargesDue: whoever sees attempt n+1 of a task, or its failure by a death in
// attempt n, sees that attempt n was charged, unless it ended with an error. So a
// process must have died while it ran attempt n, by the last that the process
// wrote.
//
// The board says that a task runs a moment before the handler can write so, and
// a moment after. A process that dies in such a moment leaves no start that is
// open, and may have been running anything: such a death is spare, and answers
// for one charge that has no other.
func chargesDue(x *index) (found []string) {
	due, spare := deathsUnder(x)
	unexplained := []attempt{}
	for charged := range charges(x) {
		if !due[charged] {
			unexplained = append(unexplained, charged)
		}
	}
	if len(unexplained) <= spare {
		return nil
	}
	for _, a := range unexplained {
		found = append(found, fmt.Sprintf("attempt %d of %s was charged, and no process died under it (%d charges so, %d deaths that may explain them)",
			a.number, a.task, len(unexplained), spare))
	}
	return found
}

// deathsUnder returns the attempts under which a process died, and how many died in
// a moment when they may have been running anything.
func deathsUnder(x *index) (due map[attempt]bool, spare int) {
	due = map[attempt]bool{}
	for _, l := range x.processes {
		switch {
		case !l.dead():
		case l.last != nil && l.last.Event == started:
			due[attempt{l.last.Task, l.last.Attempt}] = true
		case l.buried == nil || l.buried.Running:
			spare++
		}
	}
	return due, spare
}

// charges returns the attempts that have been charged: of those before the last, the
// ones that no error has ended.
func charges(x *index) map[attempt]bool {
	all := map[attempt]bool{}
	for _, t := range x.tasks {
		reached, ended := 1, t.erring()
		for _, s := range t.starts {
			reached = max(reached, s.Attempt)
		}
		for _, o := range t.outcomes {
			if o.Failure == string(codec.CodeWorkerDied) {
				reached = max(reached, o.Attempt+1)
			}
		}
		for n := 1; n < reached; n++ {
			if !ended[n] {
				all[attempt{t.id, n}] = true
			}
		}
	}
	return all
}
