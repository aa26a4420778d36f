package dash

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// failure is what went wrong with a func by one cause.
type failure struct {
	Func     string
	Cause    string // a codec.Cause of a death, else a codec.Code
	Attempts int    // that failed so, as hosts that live have counted
	Deaths   int    // of worker processes that are remembered
	Letters  int    // dead letters

	// Of the latest of which more is known.
	Last   time.Time
	Text   string
	Stderr string
	Host   string // id
	Name   string // of the host
	PID    int
	Task   string
}

func (s *Server) failures(r *http.Request) (page, error) {
	letters, _, err := s.letters.list(r.Context())
	if err != nil {
		return page{}, err
	}
	return page{Template: "failures", Title: "Failures", Data: s.record.failures(s.record.hosts(), letters)}, nil
}

type failureKey struct{ name, cause string }

// failures returns what went wrong by func and cause, the latest first.
func (r *record) failures(hosts []fleet.Host, letters []fleet.DeadLetter) []failure {
	all := map[failureKey]*failure{}
	of := func(name, cause string) *failure {
		key := failureKey{name, cause}
		if all[key] == nil {
			all[key] = &failure{Func: name, Cause: cause}
		}
		return all[key]
	}
	died := map[string]bool{} // funcs
	r.mu.Lock()
	for d := range r.deaths.backwards() {
		f := of(d.Func, string(d.Cause))
		f.Deaths++
		died[d.Func] = true
		if f.Last.Before(d.At) {
			f.Last, f.Text, f.Stderr, f.Host, f.Name, f.PID, f.Task = d.At, d.Text, d.Stderr, d.host, d.name, d.PID, d.Task
		}
	}
	for s := range r.spans.backwards() {
		if s.Failed == "" || s.Func == "" || s.Failed == codec.CodeWorkerDied && died[s.Func] {
			continue
		}
		if f := of(s.Func, string(s.Failed)); f.Last.Before(s.End) {
			f.Last, f.Host, f.Name, f.PID, f.Task = s.End, s.host, s.name, s.PID, s.Task
		}
	}
	r.mu.Unlock()
	for _, h := range hosts {
		for name, c := range h.Counts {
			for code, n := range c.Failed {
				if code != codec.CodeWorkerDied || !died[name] {
					of(name, string(code)).Attempts += int(n)
				}
			}
		}
	}
	for _, d := range letters {
		f := of(d.Func, letterCause(d.Cause))
		f.Letters++
		if f.Text == "" || f.Last.Before(d.At) {
			f.Last, f.Text, f.Stderr, f.Task = later(f.Last, d.At), d.Cause.Error, d.Cause.Stderr, d.ID
			f.Name, f.PID, f.Host = d.Cause.Host, d.Cause.PID, ""
		}
	}
	list := make([]failure, 0, len(all))
	for _, f := range all {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b failure) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Func, b.Func), cmp.Compare(a.Cause, b.Cause))
	})
	return list
}

// letterCause names the cause of a dead letter as that of a process's death, where it
// was one.
func letterCause(c fleet.Cause) string {
	switch {
	case c.Code != codec.CodeWorkerDied:
		return string(c.Code)
	case c.Signal != "":
		return string(codec.CauseSignal)
	}
	return string(codec.CauseExit)
}
