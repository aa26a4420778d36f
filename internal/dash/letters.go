package dash

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/musterfleet/muster/fleet"
)

const (
	maxLetters  = 1_000            // that are read
	lettersFor  = 3 * time.Second  // until they are read again
	lettersWait = 10 * time.Second // for all of them
)

// letters are the dead letters, as they were a moment ago: reading them is a question
// to the broker for each. It is safe for concurrent use.
type letters struct {
	fleet *fleet.Fleet

	mu   sync.Mutex
	all  []fleet.DeadLetter // the latest first
	more bool               // than are read
	err  error
	read time.Time
}

// list returns the dead letters, and whether there are more.
func (l *letters) list(ctx context.Context) (all []fleet.DeadLetter, more bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.read) < lettersFor {
		return l.all, l.more, l.err
	}
	// Others wait for the answer too, so it is not the first one's to give up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lettersWait)
	defer cancel()
	for letter, failed := range l.fleet.DeadLetters(ctx, "") {
		if err = failed; err != nil {
			break
		}
		if more = len(all) == maxLetters; more {
			break
		}
		// Without the argument, which may be as large as a message.
		all = append(all, fleet.DeadLetter{
			ID: letter.ID, Queue: letter.Queue, At: letter.At, Func: letter.Func, Cause: letter.Cause,
			Crashes: letter.Crashes, Errors: letter.Errors,
		})
	}
	slices.Reverse(all)
	l.all, l.more, l.err, l.read = all, more, err, time.Now()
	return all, more, err
}

// stale has the next look read anew.
func (l *letters) stale() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = time.Time{}
}
