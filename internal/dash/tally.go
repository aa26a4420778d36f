package dash

import (
	"context"
	"time"

	"github.com/musterfleet/muster/fleet"
)

const (
	sampleEvery = 2 * time.Second
	samplesFor  = 15 * time.Minute
	maxSamples  = int(samplesFor / sampleEvery)
	maxQueues   = 256 // whose history is kept
)

// tally is how the queues and the whole fleet stand, and stood.
type tally struct {
	latest []fleet.Queue
	at     time.Time // when that was asked; zero if never
	err    error     // why it could not be asked since
	queues map[string]*ring[sample]
	fleet  *ring[sample]
}

// sample is how one queue, or the fleet, stood at a time.
type sample struct {
	at                      time.Time
	waiting, inFlight, wait float64 // of a queue; wait in seconds
	busy                    float64 // of the fleet, 0 to 1
}

// sample asks for the queues again and again until ctx ends.
func (r *record) sample(ctx context.Context, f *fleet.Fleet) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.ask(ctx, f)
		case <-ctx.Done():
			return
		}
	}
}

// ask asks for the queues once, for at most five seconds.
func (r *record) ask(ctx context.Context, f *fleet.Fleet) {
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	queues, err := f.Queues(asked)
	if ctx.Err() == nil {
		r.note(queues, err, time.Now())
	}
}

func (r *record) note(queues []fleet.Queue, err error, now time.Time) {
	busy := r.usage(r.hosts(), now).Busy
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.tally
	t.fleet.add(sample{at: now, busy: busy})
	if t.err = err; err != nil {
		return
	}
	t.latest, t.at = queues, now
	there := map[string]bool{}
	for _, q := range queues {
		there[q.Name] = true
		samples := t.queues[q.Name]
		if samples == nil {
			if len(t.queues) >= maxQueues {
				continue
			}
			samples = newRing[sample](maxSamples)
			t.queues[q.Name] = samples
		}
		s := sample{at: now, waiting: float64(q.Waiting), inFlight: float64(q.InFlight)}
		if !q.Oldest.IsZero() {
			s.wait = max(now.Sub(q.Oldest).Seconds(), 0)
		}
		samples.add(s)
	}
	for name := range t.queues {
		if !there[name] {
			delete(t.queues, name)
		}
	}
}

// queuesNow returns how the queues stand, when that was asked, and why not since.
func (r *record) queuesNow() ([]fleet.Queue, time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally.latest, r.tally.at, r.tally.err
}

// past returns a line through what was sampled of a queue, or of the fleet if the name
// is empty.
func (r *record) past(queue string, of func(*sample) float64) line {
	r.mu.Lock()
	defer r.mu.Unlock()
	samples := r.tally.fleet
	if queue != "" {
		samples = r.tally.queues[queue]
	}
	if samples == nil {
		return line{}
	}
	return newLine(samples, time.Now(), of)
}
