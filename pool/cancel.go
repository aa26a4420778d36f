package pool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// maxCancelled bounds how many cancelled tasks a host remembers. A request may come long
// before its task.
const maxCancelled = 1 << 16

// cancel has tasks not started, of one client. Those that processes have and have not
// begun are taken back.
func (s *scheduler) cancel(ids []codec.ID) {
	if len(ids) == 0 {
		return
	}
	s.do(func(*turn) { s.withhold(ids) })
}

// withhold has tasks of a client not begin any more: those that processes have not begun
// wait again. s.mu is held.
func (s *scheduler) withhold(ids []codec.ID) {
	for _, id := range ids {
		s.cancelled.Add(id)
	}
	for _, w := range s.workers {
		for i := len(w.runs) - 1; i >= 0; i-- {
			if r := w.runs[i]; r.d.batch.Client == ids[0].Client && s.anyCancelled(r) {
				s.takeBack(w, r, 0)
			}
		}
	}
}

// isCancelled reports whether a delivery's task is not to be started.
func (s *scheduler) isCancelled(d *delivery, i int) bool {
	return s.cancelled.Len() > 0 && s.cancelled.Has(codec.ID{Client: d.batch.Client, N: d.batch.N(i)})
}

// anyCancelled reports whether a task of a run that has no outcome is cancelled.
func (s *scheduler) anyCancelled(r *run) bool {
	for i := r.received; i < r.end; i++ {
		if s.isCancelled(r.d, r.from+i) {
			return true
		}
	}
	return false
}

// runningTask is a task that runs.
type runningTask struct {
	runIndex
	id      codec.ID
	fn      string
	since   time.Time
	limitAt time.Time // zero if it has no limit
}

// running returns the task that a process runs; ok is false if it runs none.
func (s *scheduler) running(p *process) (task runningTask, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.work == nil {
		return runningTask{}, false
	}
	r, progress, ok := p.work.running()
	if !ok {
		return runningTask{}, false
	}
	index := progress.Begun - 1
	t := r.task(index)
	task = runningTask{
		runIndex: runIndex{r.id, index}, id: codec.ID{Client: r.d.batch.Client, N: t.N}, fn: t.Func, since: progress.Since,
	}
	if t.Limit > 0 {
		task.limitAt = progress.Since.Add(t.Limit)
	}
	return task, true
}

// subscribeCancels hears of cancel requests from now on, and then of those that
// came before this host.
func (s *Supervisor) subscribeCancels(ctx context.Context) error {
	for _, subject := range s.cancelSubjects() {
		if _, err := s.nc.Subscribe(subject, s.hearCancel); err != nil {
			return fmt.Errorf("pool: subscribing to cancel requests: %w", err)
		}
	}
	return s.recallCancels(ctx, time.Time{})
}

func (s *Supervisor) cancelSubjects() []string {
	subjects := []string{broker.CancelAnySubject}
	for _, name := range s.cfg.queueNames() {
		subjects = append(subjects, broker.CancelSubject(name))
	}
	return subjects
}

// recallCancels takes the cancel requests that were stored since a time. One that
// came twice does no harm.
func (s *Supervisor) recallCancels(ctx context.Context, since time.Time) error {
	want := broker.Selection{Subjects: s.cancelSubjects(), Since: since}
	err := broker.Collect(ctx, s.js, broker.CancelStream, want, func(msg jetstream.Msg) { s.receiveCancel(msg.Data()) })
	if err != nil {
		return fmt.Errorf("pool: recalling cancel requests: %w", err)
	}
	return nil
}

const (
	recallTimeout = 30 * time.Second // a cluster may take ten to choose a leader
	// recallMargin is by how much the broker's clock may differ from ours.
	recallMargin = 5 * time.Minute
)

// recallAfterReconnects takes the requests that were missed while the broker could
// not be reached, until the supervisor has stopped.
func (s *Supervisor) recallAfterReconnects() {
	status := s.nc.StatusChanged(nats.CONNECTED)
	defer s.nc.RemoveStatusListener(status)
	for latest := time.Now(); ; {
		select {
		case <-s.stopped:
			return
		case _, ok := <-status:
			if !ok {
				return
			}
		}
		now := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), recallTimeout)
		err := s.recallCancels(ctx, latest.Add(-recallMargin))
		cancel()
		if err == nil {
			latest = now
		} else if !s.isStopped() {
			s.cfg.Logger.Warn("tasks that were cancelled while the broker was away may run", "error", err)
		}
	}
}

// hearCancel takes a request when it is sent, and tells the client that it names
// which of the tasks run here.
func (s *Supervisor) hearCancel(msg *nats.Msg) {
	ids := s.receiveCancel(msg.Data)
	asker := msg.Header.Get(broker.AskerHeader)
	if _, err := codec.ParseID(asker + "-0"); err != nil || len(ids) == 0 {
		return
	}
	s.tellRunning(asker, ids)
}

// tellRunning tells a client which of one client's tasks run here, if any do.
func (s *Supervisor) tellRunning(asker string, ids []codec.ID) {
	asked := make(map[codec.ID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	var running []uint64
	for _, p := range s.processes() {
		if task, ok := s.scheduler.running(p); ok && asked[task.id] {
			running = append(running, task.id.N)
		}
	}
	if len(running) == 0 || s.isStopped() {
		return
	}
	answer := codec.AppendCancel(nil, ids[0].Client, false, running...)
	if err := s.nc.Publish(broker.RunningSubject(asker), answer); err != nil {
		s.cfg.Logger.Debug("a client could not be told that tasks run", "client", asker, "error", err)
	}
}

// receiveCancel has the tasks of a request not started. If it is for running tasks
// too, it stops those. It returns the tasks.
func (s *Supervisor) receiveCancel(request []byte) (ids []codec.ID) {
	ids, running, err := codec.ReadCancel(request)
	if err != nil {
		s.cfg.Logger.Warn("a cancel request does not read", "error", err)
		return nil
	}
	s.scheduler.cancel(ids)
	if running {
		s.stopRunning(ids)
	}
	return ids
}

// stopRunning stops those of the tasks that run here. None begins meanwhile: what had
// not begun was withheld before.
func (s *Supervisor) stopRunning(ids []codec.ID) {
	for _, p := range s.processes() {
		if task, ok := s.scheduler.running(p); ok && slices.Contains(ids, task.id) {
			p.requestStop(stopRequest{runIndex: task.runIndex, why: codec.CodeCancelled, message: "cancelled while it ran"})
		}
	}
}
