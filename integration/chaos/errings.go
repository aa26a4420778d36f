package chaos

import "fmt"

// erring gives the attempts that have ended with an error.
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
