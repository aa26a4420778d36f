package chaos

import (
	"fmt"
	"slices"
	"time"
)

// oneHolder: a task gets a key when the one before that had it is over. All that
// have keys come to a value.
func oneHolder(x *index) (found []string) {
	holders := map[string][]*task{}
	for _, t := range x.tasks {
		if t.submitted != nil && t.submitted.Key != "" {
			holders[t.submitted.Key] = append(holders[t.submitted.Key], t)
		}
	}
	for key, all := range holders {
		slices.SortFunc(all, func(a, b *task) int { return int(a.submitted.At - b.submitted.At) })
		for i, t := range all[1:] {
			before := all[i]
			if len(before.finishes) == 0 || before.finishes[0].At > t.submitted.At {
				found = append(found, fmt.Sprintf("%s gets %q, which %s has", t.id, key, before.id))
			}
		}
	}
	return found
}

// stale is how long a task may have its key when a client has its outcome already:
// longer than anything keeps a client from learning so.
const stale = 30 * time.Second

// keysGivenUp: who submits with the key of a task that is over gets a task of its
// own.
func keysGivenUp(x *index) (found []string) {
	for _, t := range x.tasks {
		if len(t.outcomes) == 0 {
			continue
		}
		for _, s := range t.shared {
			if over := time.Duration(s.At - t.outcomes[0].At); over > stale {
				found = append(found, fmt.Sprintf("job %d gets %s by %q, which has been over for %v", s.N, t.id, s.Key, over))
			}
		}
	}
	return found
}

// sharedByKey: Submit gives another's task to those alone who ask for its key.
func sharedByKey(x *index) (found []string) {
	for _, t := range x.tasks {
		for _, s := range t.shared {
			if s.Key == "" || s.Key != t.submitted.Key {
				found = append(found, fmt.Sprintf("%s, with the key %q, is given to job %d, with %q", t.id, t.submitted.Key, s.N, s.Key))
			}
		}
	}
	return found
}
