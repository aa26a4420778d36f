package producer

import (
	"sync"
	"sync/atomic"
	"time"
)

// runTimes is what a client has learned from outcomes about how long one func
// runs. It decides how many of its tasks may share a batch.
type runTimes struct{ mean atomic.Int64 } // nanoseconds; 0 while nothing is known

// observe takes in one run time. The mean rises quickly and falls slowly: a
// batch too small costs a little throughput, one too large makes tasks wait
// behind each other. But one run counts as at most a few times the mean: a short
// task whose process was not scheduled for a while has not become a long one.
func (t *runTimes) observe(run time.Duration) {
	old := t.mean.Load()
	next := int64(run)
	if old > 0 {
		weight := int64(16)
		if next > old {
			weight = 4
			next = min(next, maxRise*old+int64(hiccup))
		}
		next = old + (next-old)/weight
	}
	if next = max(next, 1); next != old {
		t.mean.Store(next)
	}
}

const (
	maxRise = 8
	hiccup  = 50 * time.Microsecond
)

// expect returns the expected run time, and unknown while nothing is known.
func (t *runTimes) expect(unknown time.Duration) time.Duration {
	if mean := t.mean.Load(); mean > 0 {
		return time.Duration(mean)
	}
	return unknown
}

// runTimesTable holds the run times of each func by name.
type runTimesTable struct{ m sync.Map }

func (t *runTimesTable) of(name string) *runTimes {
	if known, ok := t.m.Load(name); ok {
		return known.(*runTimes)
	}
	known, _ := t.m.LoadOrStore(name, &runTimes{})
	return known.(*runTimes)
}
