package producer

import "github.com/musterfleet/muster/codec"

// reports is what a running task has told of its progress, and who is told. It
// is guarded by its future's mu.
type reports struct {
	attempt int // that made the latest
	latest  codec.Progress
	any     bool // there is a latest
	unread  bool // it has not been passed on
	callees []func(codec.Progress)
	running bool // a goroutine passes reports on
}

// listenToReports returns the reports; mu is held and the state is not final.
func (p *pending) listenToReports() *reports {
	a := p.listen()
	if a.reports == nil {
		a.reports = &reports{}
	}
	return a.reports
}

// report takes a report. One of an earlier attempt, or that comes when the future
// is done, is nobody's.
func (p *pending) report(attempt int, latest codec.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state().Done() {
		return
	}
	r := p.listenToReports()
	if r.any && attempt < r.attempt {
		return
	}
	r.attempt, r.latest, r.any, r.unread = attempt, latest, true, true
	p.passOn(r)
}

func (p *pending) onProgress(fn func(codec.Progress)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state().Done() {
		return
	}
	r := p.listenToReports()
	r.callees = append(r.callees, fn)
	p.passOn(r)
}

// passOn has a goroutine tell the latest report, unless one does. mu is held.
func (p *pending) passOn(r *reports) {
	if r.running || !r.unread || len(r.callees) == 0 {
		return
	}
	r.running = true
	due := &calls{of: p}
	var next func()
	next = func() { // calls for one report, and then looks for another
		if tell := p.unread(r); tell != nil {
			due.rest = append(append(due.rest, tell...), next)
		}
	}
	due.rest = []func(){next}
	p.batch.client.callbacks.run(due)
}

// unread returns the calls that tell the latest report, and nil if it has been
// told.
func (p *pending) unread(r *reports) (tell []func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !r.unread {
		r.running = false
		return nil
	}
	r.unread = false
	latest := r.latest
	for _, fn := range r.callees {
		tell = append(tell, func() { fn(latest) })
	}
	return tell
}

func (p *pending) progress() (codec.Progress, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.audience == nil || p.audience.reports == nil {
		return codec.Progress{}, false
	}
	return p.audience.reports.latest, p.audience.reports.any
}
