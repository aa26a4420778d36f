package producer

import "context"

// arrivals passes the calls of a Map, in the order in which they are done, to the
// loop that yields them.
type arrivals[R any] struct{ feed *feed[*mapped[R]] }

func newArrivals[R any]() *arrivals[R] { return &arrivals[R]{newFeed[*mapped[R]]()} }

func (a *arrivals[R]) place() *mapped[R] { return &mapped[R]{} }

// pass has a call put when it is done, and reports false if nobody takes any more.
func (a *arrivals[R]) pass(call *mapped[R]) bool {
	if !a.feed.expect(call) {
		return false
	}
	call.notify(a, func() { a.feed.put(call) })
	return true
}

func (a *arrivals[R]) close()                                       { a.feed.close() }
func (a *arrivals[R]) next(ctx context.Context) (*mapped[R], error) { return a.feed.next(ctx) }
func (a *arrivals[R]) unread(call *mapped[R])                       { a.feed.unread(call) }
func (a *arrivals[R]) leave() []*mapped[R]                          { return a.feed.leave() }
