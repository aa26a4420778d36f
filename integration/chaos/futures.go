package chaos

import (
	"fmt"

	"github.com/musterfleet/muster/codec"
)

// settledBy counts the outcomes that a client has noted for a task's futures.
func (t *task) settledBy(client string) (count int) {
	for _, o := range t.outcomes {
		if o.Client == client {
			count++
		}
	}
	return count
}

// nothingLost: of an accepted task every future has an outcome whose client lives.
// With a client its futures are gone; of its tasks the durable ones alone must have
// an outcome, which others get.
func nothingLost(x *index) (found []string) {
	for _, t := range x.tasks {
		if !t.accepted {
			continue
		}
		lost := t.durable() && len(t.outcomes) == 0
		for client, futures := range t.futures {
			lost = lost || x.living(client) && t.settledBy(client) < futures
		}
		if lost {
			found = append(found, fmt.Sprintf("%s has %d, for futures of %v; it was started %d times and finished %d times",
				t.id, len(t.outcomes), t.futures, len(t.starts), len(t.finishes)))
		}
	}
	return found
}

func nothingTwice(x *index) (found []string) {
	for _, t := range x.tasks {
		for client, futures := range t.futures {
			if n := t.settledBy(client); n > futures {
				found = append(found, fmt.Sprintf("%s has %d, for %d futures", t.id, n, futures))
			}
		}
	}
	return found
}

func oneOutcome(x *index) (found []string) {
	for _, t := range x.tasks {
		for i, o := range t.outcomes {
			first := t.outcomes[0]
			if i > 0 && (o.Value != first.Value || o.Failure != first.Failure || o.Attempt != first.Attempt) {
				found = append(found, fmt.Sprintf("%s has %d %q and then %d %q", t.id, first.Value, first.Failure, o.Value, o.Failure))
			}
		}
	}
	return found
}

// nothingInvented: what runs has been submitted, and what a client has an outcome
// of, it has a future of. One that was killed may have died between its last
// submission and the note of it.
func nothingInvented(x *index) (found []string) {
	unnoted := map[string]int{} // by client
	for _, t := range x.tasks {
		for _, o := range t.outcomes {
			if t.futures[o.Client] == 0 {
				found = append(found, fmt.Sprintf("%s has an outcome, for a client without a future of it", t.id))
			}
		}
		if t.submitted != nil {
			continue
		}
		id, err := codec.ParseID(t.id)
		if unnoted[id.Client]++; err != nil || x.living(id.Client) || unnoted[id.Client] > 1 {
			found = append(found, fmt.Sprintf("%s has %d starts, and nobody submitted it", t.id, len(t.starts)))
		}
	}
	return found
}
