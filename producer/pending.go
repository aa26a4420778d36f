package producer

import (
	"slices"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
)

// pending is the part of a future that does not depend on the result's type:
// its state, and what the registry and the waiters hold on to. Its transitions
// all happen under mu:
//
//	Pending ──start──▶ Running ──finish──▶ Finished
//	   │└──────────────finish────────────────▲
//	   └──cancel──▶ Cancelled
//
// A crash may bring a running task back to its queue; the future stays Running.
type pending struct {
	client *Client
	batch  *batcher  // that published the task
	stats  *runTimes // of the task's func
	n      uint64

	mu      sync.Mutex
	state   State
	value   []byte // encoded result, once Finished without err
	err     error
	done    chan struct{} // made when somebody first waits
	waiters []waiter      // told once, in order, when the state becomes final
}

// waiter is a function to call when a future is done, and who asked for it.
type waiter struct {
	owner any
	tell  func()
}

// finish settles the future with an outcome, and reports whether it was the
// first: late and duplicate outcomes change nothing.
func (p *pending) finish(value []byte, err error) bool { return p.settle(Finished, value, err) }

func (p *pending) settle(state State, value []byte, err error) bool {
	p.mu.Lock()
	if p.state.Done() {
		p.mu.Unlock()
		return false
	}
	p.state, p.value, p.err = state, value, err
	if p.done != nil {
		close(p.done)
	}
	waiters := p.waiters
	p.waiters = nil
	p.mu.Unlock()
	for _, waiter := range waiters {
		waiter.tell()
	}
	return true
}

func (p *pending) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == Pending {
		p.state = Running
	}
}

// cancel settles the future as cancelled if its task is not known to have
// started. It reports whether the future is cancelled now, and whether this
// call did it.
func (p *pending) cancel(err error) (cancelled, first bool) {
	p.mu.Lock()
	if p.state != Pending {
		defer p.mu.Unlock()
		return p.state == Cancelled, false
	}
	p.mu.Unlock()
	// Between the two locks an outcome may come first; then settle refuses.
	if p.settle(Cancelled, nil, err) {
		return true, true
	}
	return p.snapshot() == Cancelled, false
}

func (p *pending) snapshot() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// finished gives a channel that is closed when the state is final.
func (p *pending) finished() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		p.done = make(chan struct{})
		if p.state.Done() {
			close(p.done)
		}
	}
	return p.done
}

// notify has tell called once when the state is final: at once if it is already.
// tell must not block.
func (p *pending) notify(owner any, tell func()) {
	p.mu.Lock()
	if !p.state.Done() {
		p.waiters = append(p.waiters, waiter{owner, tell})
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	tell()
}

// unnotify takes back what owner asked for.
func (p *pending) unnotify(owner any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters = slices.DeleteFunc(p.waiters, func(w waiter) bool { return w.owner == owner })
}

// failed reports whether the future is finished with an error.
func (p *pending) failed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == Finished && p.err != nil
}

func (p *pending) id() codec.ID { return codec.ID{Client: p.client.id, N: p.n} }

// outcome settles the future with what a worker sent.
func (p *pending) outcome(o *codec.Outcome) bool {
	if o.Failure != nil {
		return p.finish(nil, o.Failure.Err(p.id()))
	}
	if o.Run >= 0 {
		p.stats.observe(max(o.Run, time.Nanosecond))
	}
	// The bytes are part of a message with many outcomes, which one unread
	// future must not keep.
	return p.finish(append(make([]byte, 0, len(o.Value)), o.Value...), nil)
}
