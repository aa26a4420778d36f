package producer

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
)

// registry finds the future of a task by the task's number. Numbers are given
// out in order, so futures stand in pages of an index rather than in a map of
// their own entries: registering and settling cost a few nanoseconds each, and
// a page goes when the last of its futures has.
type registry struct {
	mu      sync.Mutex
	next    uint64
	live    int
	stopped bool
	pages   map[uint64]*page
	spare   []*page       // empty ones
	latest  *page         // that was looked up last
	idle    chan struct{} // closed when live reaches 0; made when somebody waits
}

const (
	pageSize = 256
	// sparePages bounds the empty pages that are kept for use.
	sparePages = 16
)

type page struct {
	at      uint64 // the page's number
	live    int
	futures [pageSize]*pending
}

func newRegistry() *registry { return &registry{pages: map[uint64]*page{}} }

// add registers p under a new number, which it sets. It reports false once the
// registry is stopped.
func (r *registry) add(p *pending) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	p.n = r.next
	r.next++
	pg := r.page(p.n)
	if pg == nil {
		pg = r.addPage(p.n / pageSize)
	}
	pg.futures[p.n%pageSize] = p
	pg.live++
	r.live++
	p.load.added++
	return true
}

// stop has the registry take nothing any more.
func (r *registry) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
}

// page returns the page of a number, or nil; mu is held.
func (r *registry) page(n uint64) *page {
	if r.latest == nil || r.latest.at != n/pageSize {
		pg := r.pages[n/pageSize]
		if pg == nil {
			return nil
		}
		r.latest = pg
	}
	return r.latest
}

func (r *registry) addPage(at uint64) *page {
	pg := &page{}
	if last := len(r.spare) - 1; last >= 0 {
		pg, r.spare = r.spare[last], r.spare[:last]
	}
	pg.at = at
	r.pages[at], r.latest = pg, pg
	return pg
}

func (r *registry) removePage(pg *page) {
	delete(r.pages, pg.at)
	if r.latest == pg {
		r.latest = nil
	}
	if len(r.spare) < sparePages {
		r.spare = append(r.spare, pg)
	}
}

// take removes and returns the future with the number n, or nil if there is none
// (any more).
func (r *registry) take(n uint64) *pending {
	r.mu.Lock()
	p := r.takeLocked(n)
	r.mu.Unlock()
	if p != nil {
		p.load.taken.Add(1)
	}
	return p
}

// takeEach appends what take gives for each of several outcomes to dst.
func (r *registry) takeEach(dst []*pending, outcomes []codec.Outcome) []*pending {
	before := len(dst)
	dst = r.appendEach(dst, outcomes)
	countTaken(dst[before:])
	return dst
}

func (r *registry) appendEach(dst []*pending, outcomes []codec.Outcome) []*pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range outcomes {
		var p *pending
		if outcomes[i].Object == "" { // else it is still to be fetched
			p = r.takeLocked(outcomes[i].N)
		}
		dst = append(dst, p)
	}
	return dst
}

func (r *registry) takeLocked(n uint64) *pending {
	p := r.findLocked(n)
	if p == nil {
		return nil
	}
	pg := r.page(n)
	pg.futures[n%pageSize] = nil
	if pg.live--; pg.live == 0 {
		r.removePage(pg)
	}
	if r.live--; r.live == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	return p
}

// find returns the future with the number n without removing it, or nil.
func (r *registry) find(n uint64) *pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.findLocked(n)
}

func (r *registry) findLocked(n uint64) *pending {
	if pg := r.page(n); pg != nil {
		return pg.futures[n%pageSize]
	}
	return nil
}

// all returns every future, in the order of their numbers.
func (r *registry) all() []*pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*pending, 0, r.live)
	for _, at := range slices.Sorted(maps.Keys(r.pages)) {
		for _, p := range r.pages[at].futures {
			if p != nil {
				all = append(all, p)
			}
		}
	}
	return all
}

// takeAll removes and returns every future.
func (r *registry) takeAll() []*pending {
	all := r.all()
	return slices.DeleteFunc(all, func(p *pending) bool { return r.take(p.n) == nil })
}

// pending returns the number of futures registered.
func (r *registry) pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}

// work returns how long the tasks of some loads that wait would run, one after the
// other.
func (r *registry) work(loads map[string]*load) (all time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range loads {
		all += time.Duration(l.waiting()) * l.expect(0)
	}
	return all
}

// registered returns the number of futures that were ever registered.
func (r *registry) registered() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next
}

// empty returns a channel that is closed when no future is registered.
func (r *registry) empty() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	return r.idle
}
