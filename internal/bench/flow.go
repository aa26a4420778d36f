package bench

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

const (
	// mostInFlight bounds the futures that are pending.
	mostInFlight = 50_000
	// leastInFlight keeps every process busy from the start.
	leastInFlight = 64
	// lookEvery is how many tasks pass between two looks at the clock.
	lookEvery = 32
)

// flow keeps submitting calls with one argument for the time of a part, then
// waits for their results, each of which it gives to done. It gives how many
// there were and how long it took. No more are in flight than were done before,
// or so: the wait at the end is not longer than what came before it.
func flow[A, R any](ctx context.Context, m *measuring, f codec.Func[A, R], arg A, done func(R)) (int, time.Duration, error) {
	var flying queue[*producer.Future[R]]
	finished := 0
	settle := func() error {
		r, err := flying.pop().Result(ctx)
		if err == nil {
			finished++
			done(r)
		}
		return err
	}
	began := time.Now()
	for submitted := 0; ; submitted++ {
		if submitted%lookEvery == 0 && m.over(began) {
			break
		}
		if flying.len() >= min(mostInFlight, max(leastInFlight, finished)) {
			if err := settle(); err != nil {
				return 0, 0, err
			}
		}
		future, err := producer.Submit(ctx, m.client, f, arg)
		if err != nil {
			return 0, 0, err
		}
		flying.push(future)
	}
	for flying.len() > 0 {
		if err := settle(); err != nil {
			return 0, 0, err
		}
	}
	return finished, time.Since(began), nil
}

// over reports whether the time of a part is over, and tells the progress.
func (m *measuring) over(began time.Time) bool {
	spent := time.Since(began)
	m.progress(min(1, float64(spent)/float64(m.share)))
	return spent >= m.share
}

// queue is first in, first out, in space that is used again.
type queue[T any] struct {
	items []T
	first int
}

func (q *queue[T]) len() int { return len(q.items) - q.first }

func (q *queue[T]) push(v T) {
	if q.first > 0 && len(q.items) == cap(q.items) && q.first >= len(q.items)/2 {
		n := copy(q.items, q.items[q.first:])
		clear(q.items[n:])
		q.items, q.first = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *queue[T]) pop() T {
	var none T
	v := q.items[q.first]
	q.items[q.first] = none
	q.first++
	return v
}
