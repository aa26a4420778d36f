package producer

import (
	"sync/atomic"
	"time"
)

const (
	// maxBatchWork bounds the expected run time of a batch, since its tasks run
	// one after the other in one process.
	maxBatchWork = 2 * time.Millisecond
	// backlogWork is the bound while there is so much work under way that a batch
	// is no more than one of workShares of it: messages cost more then than the end of
	// the backlog that one host runs alone. It is how guided self-scheduling chooses its
	// chunks (Polychronopoulos and Kuck, 1987).
	backlogWork = 25 * time.Millisecond
	workShares  = 64
	// unfilled is how many batches do not linger after one that lingered in vain:
	// then what is under way waits for something else than a process.
	unfilled = 64
)

// load counts the tasks of one func that one batcher has taken.
type load struct {
	*runTimes
	added   int64        // under the registry's lock
	taken   atomic.Int64 // of those, out of the registry
	running atomic.Int64 // known to have started
}

// waiting returns how many tasks wait for a process, about; the registry's lock is held.
func (l *load) waiting() int64 { return max(l.added-l.taken.Load()-l.running.Load(), 0) }

// countTaken counts futures that were taken out of the registry, of which some may be
// nil. Those in a row are of one func, mostly.
func countTaken(futures []*pending) {
	var latest *load
	n := int64(0)
	for _, p := range futures {
		if p == nil {
			continue
		}
		if p.load != latest {
			if latest != nil {
				latest.taken.Add(n)
			}
			latest, n = p.load, 0
		}
		n++
	}
	if latest != nil {
		latest.taken.Add(n)
	}
}

func newLoad(t *runTimes) *load { return &load{runTimes: t} }

// maxLoads bounds the funcs of a batcher whose tasks count as work under way; the
// names of more than that are made up.
const maxLoads = 256

// load returns the load of a func.
func (b *batcher) load(name string) *load {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.loads[name]
	if l == nil {
		l = newLoad(b.client.runTimes.of(name))
		if len(b.loads) < maxLoads {
			b.loads[name] = l
		}
	}
	return l
}

// measure decides by the work under way how much of it the batch that begins shall
// have, and whether it lingers for that.
func (b *batcher) measure() {
	share := b.client.registry.work(b.loads) / workShares
	b.maxWork = min(max(share, maxBatchWork), backlogWork)
	if share <= maxBatchWork || b.lane == High {
		return
	}
	if b.vain > 0 {
		b.vain--
		return
	}
	b.lingers = true
	if b.late == nil {
		b.late = time.AfterFunc(b.maxWork, b.hurry)
	} else {
		b.late.Reset(b.maxWork)
	}
}

// hurry ends the time for which a batch lingers.
func (b *batcher) hurry() {
	b.mu.Lock()
	defer b.unlock()
	if !b.lingers {
		return
	}
	if b.open.Len() == 1 || b.work < b.maxWork/4 {
		b.vain = unfilled
	}
	b.publishNow()
}

// publishNow has the open batch linger no more.
func (b *batcher) publishNow() {
	if b.lingers = false; b.inFlight < eager && b.client.life.Err() == nil {
		b.publish()
	}
}
