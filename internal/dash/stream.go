package dash

import (
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

const (
	// everyHost is the stream of the whole fleet.
	everyHost = "*"
	maxRows   = 96
	maxBars   = 8_000 // in one message
)

// streamNews is what the script draws the task stream from. Times are milliseconds
// of Unix time, by our clock.
type streamNews struct {
	Now  int64       `json:"now"`
	Long int64       `json:"long"` // how far back the stream goes
	Rows []streamRow `json:"rows"`
	More int         `json:"more"` // rows that are left out
	Bars []streamBar `json:"bars"` // what ended since the news before
}

// streamRow is one process's place, and what it runs.
type streamRow struct {
	Key    string  `json:"key"`
	Host   string  `json:"host"`
	PID    int     `json:"pid"`
	State  string  `json:"state"`
	Task   string  `json:"task,omitempty"`
	Func   string  `json:"func,omitempty"`
	Colour int     `json:"colour"`
	Since  float64 `json:"since,omitempty"`
}

// streamBar is an attempt that ended, or several.
type streamBar struct {
	Row    string  `json:"row"`
	Task   string  `json:"task,omitempty"`
	Func   string  `json:"func,omitempty"`
	Colour int     `json:"colour"`
	Count  int     `json:"count"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Failed string  `json:"failed,omitempty"`
}

// news returns what is new in a stream after the first told spans, and how many there
// have been now.
func (r *record) news(stream string, told uint64, now time.Time) (streamNews, uint64) {
	hosts := of(r.hosts(), stream)
	r.mu.Lock()
	defer r.mu.Unlock()
	news := streamNews{Now: now.UnixMilli(), Long: window.Milliseconds(), Rows: []streamRow{}, Bars: []streamBar{}}
	rows := map[string]bool{}
	for _, h := range hosts {
		if h.State == codec.HostStopped {
			continue
		}
		for _, p := range h.Processes {
			if len(news.Rows) >= maxRows {
				news.More++
				continue
			}
			row := streamRow{Key: place(h.ID, p.Place), Host: h.Host, PID: p.PID, State: string(p.State)}
			if h.Lost {
				row.State = "lost"
			} else if p.Task != "" {
				row.Task, row.Func, row.Colour, row.Since = p.Task, p.Func, r.palette.colour(p.Func), millis(p.Since)
			}
			rows[row.Key] = true
			news.Rows = append(news.Rows, row)
		}
	}
	first := told
	if first == 0 {
		first = r.spans.added - min(r.spans.added, maxBars)
	}
	for s := range r.spans.since(first) {
		key := place(s.host, s.Place)
		if !rows[key] || now.Sub(s.End) > window || len(news.Bars) >= maxBars {
			continue
		}
		bar := streamBar{
			Row: key, Task: s.Task, Func: s.Func, Count: s.Count,
			From: millis(s.Start), To: millis(s.End), Failed: string(s.Failed),
		}
		if s.Func != "" {
			bar.Colour = r.palette.colour(s.Func)
		}
		news.Bars = append(news.Bars, bar)
	}
	return news, r.spans.added
}

// of returns those of the hosts that a stream is about.
func of(hosts []fleet.Host, stream string) []fleet.Host {
	if stream == everyHost {
		return hosts
	}
	return slices.DeleteFunc(hosts, func(h fleet.Host) bool { return h.ID != stream })
}

func millis(t time.Time) float64 { return float64(t.UnixMicro()) / 1000 }
