package producer

import (
	"maps"
	"slices"
	"sync"
)

// registry finds the future of a task by the task's number. Numbers are given
// out in order, so futures stand in pages of an index rather than in a map of
// their own entries: registering and settling cost a few nanoseconds each, and
// a page goes when the last of its futures has.
type registry struct {
	mu    sync.Mutex
	next  uint64
	live  int
	pages map[uint64]*page
	idle  chan struct{} // closed when live reaches 0; made when somebody waits
}

const pageSize = 256

type page struct {
	live    int
	futures [pageSize]*pending
}

func newRegistry() *registry { return &registry{pages: map[uint64]*page{}} }

// add registers p under a new number, which it sets.
func (r *registry) add(p *pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.n = r.next
	r.next++
	pg := r.pages[p.n/pageSize]
	if pg == nil {
		pg = &page{}
		r.pages[p.n/pageSize] = pg
	}
	pg.futures[p.n%pageSize] = p
	pg.live++
	r.live++
}

// take removes and gives the future with the number n, or nil if there is none
// (any more).
func (r *registry) take(n uint64) *pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	pg := r.pages[n/pageSize]
	if pg == nil || pg.futures[n%pageSize] == nil {
		return nil
	}
	p := pg.futures[n%pageSize]
	pg.futures[n%pageSize] = nil
	if pg.live--; pg.live == 0 {
		delete(r.pages, n/pageSize)
	}
	if r.live--; r.live == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	return p
}

// find gives the future with the number n without removing it, or nil.
func (r *registry) find(n uint64) *pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pg := r.pages[n/pageSize]; pg != nil {
		return pg.futures[n%pageSize]
	}
	return nil
}

// all gives every future, in the order of their numbers.
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

// takeAll removes and gives every future.
func (r *registry) takeAll() []*pending {
	all := r.all()
	return slices.DeleteFunc(all, func(p *pending) bool { return r.take(p.n) == nil })
}

// pending gives the number of futures registered.
func (r *registry) pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}

// empty gives a channel that is closed when no future is registered.
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
