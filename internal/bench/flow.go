package bench

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

const (
	// maxInFlight bounds the futures that are pending.
	maxInFlight = 50_000
	// minInFlight keeps every process busy from the start.
	minInFlight = 64
	// lookEvery is how many tasks pass between two looks at the clock.
	lookEvery = 32
)

// flow keeps submitting calls with one argument for the time of a part, then
// waits for their results, each of which it passes to done. It returns how many
// there were and how long it took. No more are in flight than were done before,
// or so: the wait at the end is not longer than what came before it.
func flow[A, R any](ctx context.Context, m *measuring, f codec.Func[A, R], arg A, done func(R)) (int, time.Duration, error) {
	flying := make([]*producer.Future[R], maxInFlight) // by number, round and round
	submitted, finished := 0, 0
	settle := func() error {
		r, err := flying[finished%maxInFlight].Result(ctx)
		if err == nil {
			finished++
			done(r)
		}
		return err
	}
	began := time.Now()
	for ; submitted%lookEvery != 0 || !m.over(began); submitted++ {
		if submitted-finished >= min(maxInFlight, max(minInFlight, finished)) {
			if err := settle(); err != nil {
				return 0, 0, err
			}
		}
		future, err := producer.Submit(ctx, m.client, f, arg)
		if err != nil {
			return 0, 0, err
		}
		flying[submitted%maxInFlight] = future
	}
	for finished < submitted {
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
