package dash

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/text"
)

// search finds a task, or a dead letter that is none.
func (s *Server) search(r *http.Request) (page, error) {
	id := strings.TrimSpace(r.URL.Query().Get("id"))
	switch _, err := codec.ParseID(id); {
	case strings.HasPrefix(id, "unread:"):
		return page{Goto: "/dead/" + url.PathEscape(id)}, nil
	case err == nil:
		return page{Goto: "/tasks/" + url.PathEscape(id)}, nil
	case id == "":
		return page{Template: "search", Title: "Find a task", Still: true}, nil
	}
	return page{Template: "search", Title: "Find a task", Still: true, Status: http.StatusBadRequest, Data: short(id, 80)}, nil
}

// taskData is all that can be known of a task.
type taskData struct {
	ID        string
	Func      string
	Running   *runningTask
	Events    []taskEvent // the oldest first
	Older     bool        // events that are left out
	Scheduled bool
	Outcome   *fleet.Outcome
	Letter    *fleet.DeadLetter
	Trouble   string // of asking the broker
	Began     time.Time
}

// maxEvents bounds a timeline: a task may be tried again and again.
const maxEvents = 200

type runningTask struct {
	Host    fleet.Host
	Process codec.ProcessStatus
}

// taskEvent is an entry of a task's timeline.
type taskEvent struct {
	At     time.Time
	Kind   string // which the stylesheet knows: run, bad, end
	Text   string
	Host   string // id, or empty
	Name   string // of the host
	PID    int
	Stderr string
}

func (s *Server) task(r *http.Request) (page, error) {
	id := r.PathValue("id")
	if _, err := codec.ParseID(id); err != nil {
		return page{Template: "search", Title: "Find a task", Still: true, Status: http.StatusBadRequest, Data: short(id, 80)}, nil
	}
	d := &taskData{ID: id, Began: s.record.began}
	s.record.trace(d)
	d.ask(r.Context(), s.cfg.Fleet)
	d.mend()
	slices.SortStableFunc(d.Events, func(a, b taskEvent) int { return a.At.Compare(b.At) })
	return page{Template: "task-page", Title: "Task " + id, Data: d}, nil
}

// mend has what follows from a death come after it: the host notes the death last,
// some milliseconds late.
func (d *taskData) mend() {
	for i := range d.Events {
		e := &d.Events[i]
		for _, death := range d.Events {
			if gap := death.At.Sub(e.At); e.PID == 0 && death.PID != 0 && gap > 0 && gap < time.Second {
				e.At = death.At
			}
		}
	}
}

// Known reports whether anything is known of the task.
func (d *taskData) Known() bool {
	return d.Running != nil || len(d.Events) > 0 || d.Scheduled || d.Outcome != nil || d.Letter != nil
}

// State is how the task stands, as far as that is known.
func (d *taskData) State() string {
	switch {
	case d.Running != nil:
		return "running"
	case d.Outcome != nil && d.Outcome.Cause == nil:
		return "done"
	case d.Letter != nil:
		return "dead letter"
	case d.Outcome != nil:
		return "failed"
	case d.Scheduled:
		return "waits for its time"
	case len(d.Events) > 0:
		return d.Events[len(d.Events)-1].Text
	}
	return "not known"
}

// trace takes from the record what hosts told of the task.
func (r *record) trace(d *taskData) {
	for _, h := range r.hosts() {
		for _, p := range h.Processes {
			if p.Task == d.ID && !h.Lost {
				d.Running, d.Func = &runningTask{h, p}, p.Func
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	died := map[int]bool{} // pids
	for x := range r.deaths.backwards() {
		if x.Task != d.ID {
			continue
		}
		if d.Older = len(d.Events) >= maxEvents/2; d.Older {
			break
		}
		died[x.PID] = true
		d.Func = x.Func
		d.Events = append(d.Events, taskEvent{
			At: x.At, Kind: "bad", Text: x.Text, Host: x.host, Name: x.name, PID: x.PID, Stderr: x.Stderr,
		})
	}
	for x := range r.spans.backwards() {
		if x.Task != d.ID {
			continue
		}
		if len(d.Events) >= maxEvents {
			d.Older = true
			break
		}
		d.Func = x.Func
		start := taskEvent{At: x.Start, Kind: "run", Text: "attempt began", Host: x.host, Name: x.name, PID: x.PID}
		end := start
		end.At, end.Kind, end.Text = x.End, "end", "attempt ended after "+duration(x.End.Sub(x.Start))
		if x.Count > 1 {
			start.Text = "among " + text.Thousands(x.Count) + " short tasks of the func"
			end.Text = "ended with them"
		}
		if x.Failed != "" {
			end.Kind, end.Text = "bad", "attempt failed after "+duration(x.End.Sub(x.Start))+": "+words(x.Failed)
		}
		d.Events = append(d.Events, start)
		if x.Failed == "" || !died[x.PID] {
			d.Events = append(d.Events, end)
		}
	}
}

// ask takes from the broker what it keeps of the task.
func (d *taskData) ask(ctx context.Context, f *fleet.Fleet) {
	outcome, err := f.Outcome(ctx, d.ID)
	if err == nil {
		d.Outcome = &outcome
		event := taskEvent{At: outcome.At, Kind: "end", Text: "outcome stored: a value"}
		if outcome.Cause != nil {
			event.Kind, event.Text = "bad", "outcome stored: "+words(outcome.Cause.Code)
		}
		d.Events = append(d.Events, event)
	} else if errors.Is(err, fleet.ErrNoOutcome) {
		err = nil
	}
	letter, failed := f.DeadLetter(ctx, d.ID)
	if failed == nil {
		d.Letter, d.Func = &letter, letter.Func
		d.Events = append(d.Events, taskEvent{At: letter.At, Kind: "bad", Text: "given up: a dead letter"})
	} else if errors.Is(failed, fleet.ErrNoLetter) {
		failed = nil
	}
	var later error
	d.Scheduled, later = f.Scheduled(ctx, d.ID)
	if err := errors.Join(err, failed, later); err != nil {
		d.Trouble = err.Error()
	}
}
