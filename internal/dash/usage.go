package dash

import (
	"cmp"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// window is how far back the task stream goes.
const window = time.Minute

// usage is what the processes of some hosts did within the window.
type usage struct {
	Rows   []usageRow
	Funcs  []usageFunc
	Busy   float64 // of the time of all processes, 0 to 1
	Ended  int     // attempts
	Failed int
}

type usageRow struct {
	Host    fleet.Host
	Process codec.ProcessStatus
	Busy    float64
	Ended   int
	Failed  int
	Last    codec.Span // the latest that ended; zero if none did
}

type usageFunc struct {
	Name   string
	Colour int
	Ended  int
	Failed int
}

// usage returns what the processes of these hosts did.
func (r *record) usage(hosts []fleet.Host, now time.Time) usage {
	from := now.Add(-window)
	if r.began.After(from) {
		from = r.began
	}
	var u usage
	at := map[string]int{}
	busy := map[string]time.Duration{}
	for _, host := range hosts {
		if host.State == codec.HostStopped {
			continue
		}
		for _, p := range host.Processes {
			key := place(host.ID, p.Place)
			at[key] = len(u.Rows)
			u.Rows = append(u.Rows, usageRow{Host: host, Process: p})
			if p.Task != "" && !host.Lost {
				busy[key] += now.Sub(later(p.Since, from))
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	funcs := map[string]*usageFunc{}
	for s := range r.spans.backwards() {
		if s.End.Before(now.Add(-2 * window)) {
			break // hosts tell at different times, but not that different
		}
		key := place(s.host, s.Place)
		i, here := at[key]
		if !here || s.End.Before(from) {
			continue
		}
		busy[key] += s.End.Sub(later(s.Start, from))
		row := &u.Rows[i]
		row.Ended += s.Count
		if row.Last.End.Before(s.End) {
			row.Last = s.Span
		}
		f := funcs[s.Func]
		if f == nil {
			f = &usageFunc{Name: s.Func}
			funcs[s.Func] = f
		}
		f.Ended += s.Count
		if s.Failed != "" {
			row.Failed++
			f.Failed++
		}
	}
	for _, row := range u.Rows {
		if p := row.Process; p.Task != "" && funcs[p.Func] == nil {
			funcs[p.Func] = &usageFunc{Name: p.Func}
		}
	}
	whole := max(now.Sub(from), time.Millisecond)
	for i := range u.Rows {
		row := &u.Rows[i]
		row.Busy = min(1, float64(busy[place(row.Host.ID, row.Process.Place)])/float64(whole))
		u.Busy += row.Busy / float64(len(u.Rows))
		u.Ended += row.Ended
		u.Failed += row.Failed
	}
	for name, f := range funcs {
		if name != "" {
			f.Colour = r.palette.colour(name)
			u.Funcs = append(u.Funcs, *f)
		}
	}
	slices.SortFunc(u.Funcs, func(a, b usageFunc) int { return cmp.Compare(a.Name, b.Name) })
	return u
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
