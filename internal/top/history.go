package top

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

const (
	// rateWindow is over how long rates are taken: heartbeats come once a second.
	rateWindow = 5 * time.Second
	// deathWindow is over how long deaths are counted.
	deathWindow = time.Minute
)

// history is what was heard of hosts lately, for what changes over time. Its zero
// value is ready.
type history struct {
	hosts []fleet.Host
	past  map[string][]sample // by the hosts' ids, the oldest first
}

// sample is what a host had counted at a time.
type sample struct {
	sent   time.Time // by the host's clock
	seen   time.Time // by ours
	funcs  map[string]tally
	deaths map[codec.Cause]uint64
}

type tally struct{ attempts, failed uint64 }

// observe takes what is known of the hosts now.
func (h *history) observe(hosts []fleet.Host, now time.Time) {
	past := make(map[string][]sample, len(hosts))
	for _, host := range hosts {
		samples := h.past[host.ID]
		if samples == nil {
			samples = []sample{before(host)}
		}
		if last := samples[len(samples)-1]; host.Sent.After(last.sent) || len(samples) == 1 {
			samples = append(samples, sampleOf(host))
		}
		for len(samples) > 2 && now.Sub(samples[1].seen) > deathWindow {
			samples = samples[1:]
		}
		past[host.ID] = samples
	}
	h.hosts, h.past = hosts, past
}

func sampleOf(host fleet.Host) sample {
	s := sample{host.Sent, host.Seen, make(map[string]tally, len(host.Counts)), host.Deaths}
	for name, count := range host.Counts {
		t := tally{attempts: count.Attempts}
		for _, n := range count.Failed {
			t.failed += n
		}
		s.funcs[name] = t
	}
	return s
}

// before makes up what a host, heard of for the first time, had counted a minute
// ago, from the deaths that it tells of.
func before(host fleet.Host) sample {
	s := sampleOf(host)
	s.deaths = maps.Clone(host.Deaths)
	for _, death := range host.Latest {
		if host.Sent.Sub(death.At) < deathWindow && s.deaths[death.Cause] > 0 {
			s.deaths[death.Cause]--
		}
	}
	return s
}

// rates returns the attempts and failures a second of each func on a host.
func (h *history) rates(id string) map[string]rate {
	samples := h.past[id]
	if len(samples) == 0 {
		return nil
	}
	last := samples[len(samples)-1]
	first := last
	for _, s := range slices.Backward(samples) {
		if last.sent.Sub(s.sent) > rateWindow {
			break
		}
		first = s
	}
	seconds := last.sent.Sub(first.sent).Seconds()
	rates := make(map[string]rate, len(last.funcs))
	for name, now := range last.funcs {
		if was := first.funcs[name]; seconds > 0 && now.attempts >= was.attempts && now.failed >= was.failed {
			rates[name] = rate{float64(now.attempts-was.attempts) / seconds, float64(now.failed-was.failed) / seconds}
		}
	}
	return rates
}

type rate struct{ attempts, failed float64 }

// snapshot puts together what is known.
func (h *history) snapshot(queues []fleet.Queue, now time.Time) Snapshot {
	s := Snapshot{At: now, Hosts: []Host{}, Queues: slices.Concat([]fleet.Queue{}, queues), Funcs: []Func{}, Deaths: map[codec.Cause]int{}}
	funcs := map[string]*Func{}
	get := func(name string) *Func {
		if funcs[name] == nil {
			funcs[name] = &Func{Name: name, Failed: map[codec.Code]uint64{}}
		}
		return funcs[name]
	}
	for _, host := range h.hosts {
		shown := Host{HostStatus: host.HostStatus, Seen: host.Seen, Lost: host.Lost}
		rates := h.rates(host.ID)
		for name, count := range host.Counts {
			f, r := get(name), rates[name]
			f.add(count)
			if shown.there() {
				f.TasksPerSecond += r.attempts
				f.FailedPerSecond += r.failed
				shown.TasksPerSecond += r.attempts
			}
		}
		for _, p := range host.Processes {
			if p.Func != "" && shown.there() {
				get(p.Func).Running++
			}
		}
		for cause, n := range h.deaths(host.ID, now) {
			s.Deaths[cause] += n
		}
		s.Hosts = append(s.Hosts, shown)
	}
	for _, f := range funcs {
		f.Run.sum()
		f.Wait.sum()
		s.Funcs = append(s.Funcs, *f)
	}
	slices.SortFunc(s.Funcs, func(a, b Func) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// deaths counts those of a host within the last minute.
func (h *history) deaths(id string, now time.Time) map[codec.Cause]int {
	samples := h.past[id]
	last := samples[len(samples)-1]
	n := map[codec.Cause]int{}
	if now.Sub(last.seen) > deathWindow {
		return n
	}
	for cause, count := range last.deaths {
		if was := samples[0].deaths[cause]; count > was {
			n[cause] = int(count - was)
		}
	}
	return n
}
