package dash

import (
	"strconv"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

const (
	maxSpans  = 50_000 // of attempts that ended
	maxDeaths = 1_000
	// maxSkew is how far a host's clock may differ before its times are mended.
	maxSkew = time.Second
)

// record is what was seen of the fleet, as far back as it is held. It is safe for
// concurrent use.
type record struct {
	watch *fleet.Watch
	began time.Time

	mu      sync.Mutex
	spans   *ring[span]
	deaths  *ring[death]
	known   map[deathID]struct{} // those in deaths
	names   map[string]string    // of funcs, one string for each
	palette *palette
	tally   tally
}

// span is an attempt that ended, or several, by our clock.
type span struct {
	codec.Span
	host, name string // id and name of the host
}

// death is that of a worker process, by our clock.
type death struct {
	codec.ProcessDeath
	host, name string
}

type deathID struct {
	host  string
	place int
	pid   int
	at    int64
}

func newRecord(watch *fleet.Watch) *record {
	return &record{
		watch: watch, began: time.Now(), palette: newPalette(),
		spans: newRing[span](maxSpans), deaths: newRing[death](maxDeaths), known: map[deathID]struct{}{},
		names: map[string]string{}, tally: tally{queues: map[string]*ring[sample]{}, fleet: newRing[sample](maxSamples)},
	}
}

// follow takes what hosts tell until the watch ends.
func (r *record) follow(updates <-chan codec.HostStatus) {
	for status := range updates {
		r.take(&status, time.Now())
	}
}

func (r *record) take(status *codec.HostStatus, now time.Time) {
	skew := skewOf(status.Sent, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range status.Spans {
		s.Start, s.End = s.Start.Add(skew), s.End.Add(skew)
		s.Func = r.name(s.Func)
		r.spans.add(span{s, status.ID, status.Host})
	}
	for _, d := range status.Latest {
		id := deathID{status.ID, d.Place, d.PID, d.At.UnixNano()}
		if _, known := r.known[id]; known {
			continue
		}
		if len(r.known) >= maxDeaths {
			r.forgetDeaths()
		}
		r.known[id] = struct{}{}
		d.At = d.At.Add(skew)
		r.deaths.add(death{d, status.ID, status.Host})
		if d.Task == "" { // no attempt tells of it
			r.spans.add(span{codec.Span{
				Place: d.Place, PID: d.PID, Start: d.At, End: d.At, Failed: codec.CodeWorkerDied,
			}, status.ID, status.Host})
		}
	}
}

// forgetDeaths keeps of the deaths that are known those that hosts may tell again.
func (r *record) forgetDeaths() {
	clear(r.known)
	for _, host := range r.watch.Hosts() {
		for _, d := range host.Latest {
			r.known[deathID{host.ID, d.Place, d.PID, d.At.UnixNano()}] = struct{}{}
		}
	}
}

// name returns a func's name as one string for all spans, which are many.
func (r *record) name(text string) string {
	if name, known := r.names[text]; known {
		return name
	}
	if len(r.names) < maxFuncs {
		r.names[text] = text
	}
	return text
}

// hosts returns what was heard of hosts last, by our clock as far as spans are.
func (r *record) hosts() []fleet.Host {
	all := r.watch.Hosts()
	for i := range all {
		h := &all[i]
		skew := skewOf(h.Sent, h.Seen)
		if skew == 0 {
			continue
		}
		processes := make([]codec.ProcessStatus, len(h.Processes))
		for j, p := range h.Processes {
			if p.Task != "" {
				p.Since = p.Since.Add(skew)
			}
			if !p.Limit.IsZero() {
				p.Limit = p.Limit.Add(skew)
			}
			processes[j] = p
		}
		h.Processes = processes
	}
	return all
}

// skewOf is what a host's times want to be by our clock.
func skewOf(sent, seen time.Time) time.Duration {
	if skew := seen.Sub(sent); skew > maxSkew || skew < -maxSkew {
		return skew
	}
	return 0
}

// place names a worker process's place in the fleet.
func place(host string, n int) string { return host + "/" + strconv.Itoa(n) }

// colour returns the colour of a func.
func (r *record) colour(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.palette.colour(name)
}
