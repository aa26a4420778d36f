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

// chargesDue: whoever sees attempt n+1 of a task, or its failure in attempt n,
// sees that attempt n was charged. So a process must have died while it ran
// attempt n, by the last that the process wrote.
//
// The board says that a task runs a moment before the handler can write so, and
// a moment after. A process that dies in such a moment leaves no start that is
// open, and may have been running anything: such a death is spare, and answers
// for one charge that has no other.
func chargesDue(x *index) (found []string) {
	due := map[attempt]bool{}
	spare := 0
	for _, l := range x.processes {
		switch {
		case !l.dead():
		case l.last != nil && l.last.Event == started:
			due[attempt{l.last.Task, l.last.Attempt}] = true
		case l.buried == nil || l.buried.Running:
			spare++
		}
	}
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

// charges gives the attempts that have been charged.
func charges(x *index) map[attempt]bool {
	all := map[attempt]bool{}
	for _, t := range x.tasks {
		reached := 1
		for _, s := range t.starts {
			reached = max(reached, s.Attempt)
		}
		for _, o := range t.outcomes {
			if o.Failure == string(codec.CodeWorkerDied) {
				reached = max(reached, o.Attempt+1)
			}
		}
		for n := 1; n < reached; n++ {
			all[attempt{t.id, n}] = true
		}
	}
	return all
}
