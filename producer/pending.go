package producer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
)

// pending is the part of a future that does not depend on the result's type:
// its state, and who waits for it. Its transitions all happen under mu:
//
//	Pending ──start──▶ Running ──finish──▶ Finished
//	   │└──────────────finish────────────────▲
//	   └──cancel──▶ Cancelled (from Running if it may be stopped)
//
// A crash may bring a running task back to its queue; the future stays Running,
// unless a worker finds then that somebody else has cancelled it.
type pending struct {
	*route
	n      uint64
	traits *traits // nil of an ordinary task

	mu       sync.Mutex
	stands   atomic.Uint32    // the State; written last, so that who sees a final one sees the rest
	length   uint8            // of small; 0 if the value is not there
	small    [smallValue]byte // encoded result, if it is that short
	ran      runTime          // of the last attempt
	value    []byte           // encoded result if not, once Finished without err
	err      error            // a *failure until somebody looks at it
	audience *audience        // nil until somebody waits, and once the state is final
}

// smallValue is the length up to which an encoded result is kept within its
// future: any number, and short texts.
const smallValue = 15

// runTime is how long a task ran, in microseconds, as short as a future needs it: a
// run of some seconds is exact.
type runTime float32

func runTimeOf(d time.Duration) runTime { return runTime(max(d, 0)) / runTime(time.Microsecond) }

func (r runTime) duration() time.Duration {
	return time.Duration(float64(r) * float64(time.Microsecond))
}

// route is what the futures have in common whose tasks call one func and go to one
// queue.
type route struct {
	batch *batcher // that publishes the tasks; of attached futures the client's elsewhere
	load  *load    // of the func, there
	spec  *codec.Spec
}

func (p *pending) state() State     { return State(p.stands.Load()) }
func (p *pending) setState(s State) { p.stands.Store(uint32(s)) }

// audience is who wants to know what becomes of a task.
type audience struct {
	done      chan struct{} // made when somebody first waits
	started   chan struct{} // made when somebody first asks; closed and nil once that is known
	waiters   []waiter      // told by the goroutine that settles
	callbacks []func()      // of OnDone
	followers []*pending    // attached to the same task
	reports   *reports      // of the running task
}

// hasStarted closes the channel of those who wait for the start. The future's mutex
// is held, or nobody else has the audience any more.
func (a *audience) hasStarted() {
	if a != nil && a.started != nil {
		close(a.started)
		a.started = nil
	}
}

// waiter is a function to call when a future is done, and who asked for it. It
// must not block.
type waiter struct {
	owner any
	tell  func()
}

// closed is the done channel of futures that nobody waited for in time.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// settle makes the state final. It is called with mu held, which it releases,
// and returns the callbacks that are due.
func (p *pending) settle(state State, ran runTime, value []byte, err error) []func() {
	p.ran = ran
	if 0 < len(value) && len(value) <= smallValue {
		p.length = uint8(copy(p.small[:], value))
	} else {
		p.value = value
	}
	p.err = err
	if p.state() == Running {
		p.load.running.Add(-1)
	}
	p.setState(state)
	a := p.audience
	p.audience = nil
	p.mu.Unlock()
	if a == nil {
		return nil
	}
	for _, follower := range a.followers {
		follower.finishAs(state, ran, slices.Clone(value), err)
	}
	if a.done != nil {
		close(a.done)
	}
	a.hasStarted()
	for _, waiter := range a.waiters {
		waiter.tell()
	}
	return a.callbacks
}

// encoded returns the encoded result of a future that is Finished, if it has one
// that nobody has decoded.
func (p *pending) encoded() []byte {
	if p.length > 0 {
		return p.small[:p.length]
	}
	return p.value
}

// finish settles the future with an outcome and has its callbacks run. It
// reports whether it was the first: late and duplicate outcomes change nothing.
func (p *pending) finish(value []byte, err error) bool { return p.finishAs(Finished, 0, value, err) }

func (p *pending) finishAs(state State, ran runTime, value []byte, err error) bool {
	p.mu.Lock()
	if p.state().Done() {
		p.mu.Unlock()
		return false
	}
	if callbacks := p.settle(state, ran, value, err); len(callbacks) > 0 {
		p.batch.client.callbacks.run(&calls{of: p, rest: callbacks})
	}
	return true
}

// cancel settles the future as cancelled, and returns the callbacks that are due,
// if its task is not known to have started, or may be stopped while it runs.
func (p *pending) cancel(running bool) (callbacks []func(), ok bool) {
	p.mu.Lock()
	if !p.mayCancel(running) {
		p.mu.Unlock()
		return nil, false
	}
	return p.settle(Cancelled, 0, nil, codec.ErrCancelled), true
}

// mayCancel is called with mu held.
func (p *pending) mayCancel(running bool) bool {
	return p.state() == Pending || p.state() == Running && running
}

// cancellable reports whether the task may be cancelled now, see mayCancel.
func (p *pending) cancellable(running bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mayCancel(running)
}

// started returns a channel that is closed when the task is known to have started,
// or the state is final.
func (p *pending) started() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state() != Pending {
		return closed
	}
	a := p.listen()
	if a.started == nil {
		a.started = make(chan struct{})
	}
	return a.started
}

func (p *pending) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state() != Pending {
		return
	}
	p.setState(Running)
	p.audience.hasStarted()
	p.load.running.Add(1)
	if p.audience != nil {
		for _, follower := range p.audience.followers {
			follower.start()
		}
	}
}

// failure is an error that has not been looked at: making it what the caller
// sees runs the user's code, which is no business of the one that settles.
type failure struct{ *codec.Failure }

func (f *failure) Error() string { return f.Message }

// outcome settles the future with what a worker sent.
func (p *pending) outcome(o *codec.Outcome) bool {
	if o.Failure != nil {
		state := Finished
		if o.Failure.Code == codec.CodeCancelled {
			state = Cancelled
		}
		return p.finishAs(state, runTimeOf(o.Run), nil, &failure{o.Failure})
	}
	if o.Run >= 0 {
		p.load.observe(max(o.Run, time.Nanosecond))
	}
	value := o.Value
	if len(value) > smallValue {
		// The bytes are part of a message with many outcomes, which one unread
		// future must not keep.
		value = append(make([]byte, 0, len(value)), value...)
	}
	return p.finishAs(Finished, runTimeOf(o.Run), value, nil)
}

// outcomeErr returns the error of a future that is done.
func (p *pending) outcomeErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// finished returns a channel that is closed when the state is final.
func (p *pending) finished() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state().Done() {
		return closed
	}
	a := p.listen()
	if a.done == nil {
		a.done = make(chan struct{})
	}
	return a.done
}

// notify has tell called once when the state is final: at once if it is already.
func (p *pending) notify(owner any, tell func()) {
	p.mu.Lock()
	if !p.state().Done() {
		a := p.listen()
		a.waiters = append(a.waiters, waiter{owner, tell})
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
	if a := p.audience; a != nil {
		a.waiters = slices.DeleteFunc(a.waiters, func(w waiter) bool { return w.owner == owner })
	}
}

// onDone adds a callback, and reports false if the state is final already.
func (p *pending) onDone(call func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state().Done() {
		return false
	}
	a := p.listen()
	a.callbacks = append(a.callbacks, call)
	return true
}

// listen returns the audience; mu is held and the state is not final.
func (p *pending) listen() *audience {
	if p.audience == nil {
		p.audience = &audience{}
	}
	return p.audience
}
