package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/musterfleet/muster/internal/link"
)

// event is what a process reports that concerns its slot.
type event struct {
	report report
	harmed error // it is of no use any more, and why; the last event
}

// errUnlinked says that a process lives on without its link.
var errUnlinked = errors.New("pool: the worker process has closed its link")

const (
	// unlinkedTimeout is how long a process may live without its link. One that dies has
	// closed it a moment before.
	unlinkedTimeout = time.Second
	// lastReportsTimeout is how long a dead process's last reports may take to be read.
	lastReportsTimeout = 250 * time.Millisecond
)

// monitor takes what a process sends until it has closed its link, or does not keep to
// the protocol. It then tells the slot so, unless the process has died.
func (s *Supervisor) monitor(p *process) {
	defer close(p.events)
	err := s.receiveAll(p)
	if err == nil {
		select {
		case <-p.Died():
			return
		case <-time.After(unlinkedTimeout):
			err = errUnlinked
		}
	}
	p.events <- event{harmed: err}
}

// receiveAll takes what a process sends until it ends. Its error says what was wrong
// with that; it is nil if the process has closed the link, or died.
func (s *Supervisor) receiveAll(p *process) error {
	defer p.link.Discard()
	for {
		f, err := p.link.Receive()
		if err == nil {
			err = s.receive(p, f)
		}
		switch {
		case err == nil:
		case errors.Is(err, link.ErrProtocol), errors.Is(err, errGarbage):
			return err
		default:
			return nil
		}
	}
}

// receive takes a frame of a process. After an error the process is of no use.
func (s *Supervisor) receive(p *process, f link.Frame) error {
	if f.File != nil {
		return errors.Join(fmt.Errorf("%w: a frame of kind %d with a file", errGarbage, f.Kind), f.Close())
	}
	switch f.Kind {
	case link.KindOutcomes:
		return s.scheduler.receive(p, f.Payload)
	case link.KindFetch, link.KindStore:
		return s.scheduler.value(p, f)
	case link.KindReport:
		var r report
		if err := json.Unmarshal(f.Payload, &r); err != nil {
			return fmt.Errorf("%w: %w", errGarbage, err)
		}
		s.receiveReport(p, r)
		return nil
	}
	return fmt.Errorf("%w: a frame of kind %d", errGarbage, f.Kind)
}

// receiveReport does at once what a report asks of others than the slot.
func (s *Supervisor) receiveReport(p *process, r report) {
	if r.Main || r.Ready || r.Failed != "" || r.Left != "" || r.Waits != 0 {
		p.events <- event{report: r}
	}
	if r.Client {
		s.connectClient(p)
	}
	if r.Progress != nil {
		s.scheduler.report(p, *r.Progress)
	}
	if r.Pong {
		p.answered()
		s.scheduler.heard(p)
	}
}

// endReports bounds how long the last reports of a dead process may take to be read.
func (p *process) endReports() error {
	return p.Control().SetReadDeadline(time.Now().Add(lastReportsTimeout))
}
