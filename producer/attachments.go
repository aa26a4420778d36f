package producer

import (
	"fmt"
	"sync"

	"github.com/musterfleet/muster/codec"
)

// maxOwners bounds the clients to whose tasks a client is attached at a time:
// each is a subscription.
const maxOwners = 4096

// attachments finds the future of a task that is not the client's own, or is its
// own but has been done before. It holds one future a task; others follow it.
type attachments struct {
	watch func(owner string) (stop func(), err error)

	mu     sync.Mutex
	owners map[string]*owner
	live   int
}

// owner is a client to whose tasks futures are attached.
type owner struct {
	futures map[uint64]*pending
	stop    func() // the watch
}

// join makes p the future of its task, unless there is one, and returns the one
// there is. Its error wraps [ErrAttached], or is that of the watch.
func (a *attachments) join(p *pending) (*pending, error) {
	id := p.id()
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.owners[id.Client]
	if o == nil {
		if len(a.owners) >= maxOwners {
			return nil, fmt.Errorf("%w at once, %d; wait for some of the futures", ErrAttached, maxOwners)
		}
		stop, err := a.watch(id.Client)
		if err != nil {
			return nil, err
		}
		o = &owner{futures: map[uint64]*pending{}, stop: stop}
		a.owners[id.Client] = o
	}
	if leader := o.futures[id.N]; leader != nil {
		return leader, nil
	}
	o.futures[id.N] = p
	a.live++
	return p, nil
}

func (a *attachments) find(id codec.ID) *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.owners[id.Client]; o != nil {
		return o.futures[id.N]
	}
	return nil
}

// take removes and returns the future of a task, or nil if there is none. With the
// last of its owner's the watch ends.
func (a *attachments) take(id codec.ID) *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := a.owners[id.Client]
	if o == nil || o.futures[id.N] == nil {
		return nil
	}
	p := o.futures[id.N]
	delete(o.futures, id.N)
	a.live--
	if len(o.futures) == 0 {
		delete(a.owners, id.Client)
		o.stop()
	}
	return p
}

// ids returns the tasks to which futures are attached.
func (a *attachments) ids() []codec.ID {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]codec.ID, 0, a.live)
	for client, o := range a.owners {
		for n := range o.futures {
			ids = append(ids, codec.ID{Client: client, N: n})
		}
	}
	return ids
}

// takeAll removes and returns every future.
func (a *attachments) takeAll() (all []*pending) {
	for _, id := range a.ids() {
		if p := a.take(id); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// pending returns the number of futures.
func (a *attachments) pending() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live
}
