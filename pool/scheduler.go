package pool

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/recent"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// scheduler is the data plane of a host: it pulls deliveries from the queue for all
// worker processes together, hands their tasks to the processes in runs, and passes on
// what the tasks come to.
//
// All of its state is under one lock and changes in turns, each of which ends with
// tasks being handed to the processes that have room. What a turn has to say to the
// broker or to a process it does after the lock is released. The lock is taken after
// Supervisor.mu and before that of a puller, and nothing else is taken under it but
// what never waits.
type scheduler struct {
	cfg       *Config
	pid       int
	nc        *nats.Conn
	publisher *broker.Publisher
	desk      *handoff.Desk
	objects   objectStore
	logger    *slog.Logger
	queues    []*served
	lanes     []*lane                                  // of the queues, see laneID
	weighted  bool                                     // the queues take turns by their weights; else one goes before the next
	handles   func(name string) bool                   // reports whether the processes have a handler for a func
	elsewhere func(queue, name string) (processes int) // see others
	handed    handed
	tick      chan struct{} // has an element when the watcher is to look
	work      atomic.Bool   // there is something for the watcher to look at

	stopOnce sync.Once
	closing  sync.WaitGroup // of pulls

	mu         sync.Mutex
	turn       float64 // how much of the queue whose turn was last was started, by its weight
	deliveries map[deliveryKey]*delivery
	direct     direct
	workers    []*worker            // that are ready
	outboxes   map[string]*outbox   // by client
	cancelled  recent.Set[codec.ID] // tasks that are not to be started, the latest ones
	funcs      map[string]*funcStats
	lastFunc   *funcStats // that was looked up last; nil for none
	spans      []codec.Span
	spanSet    uint64            // changes whenever spans are taken
	watched    time.Time         // until then, somebody watches
	usual      time.Duration     // usual run time of a delivery; 0 while unknown
	failed     []*delivery       // of which an outcome could be neither handed off nor stored
	dormant    []chan<- struct{} // wake the slots without a process, where one may start
	starting   int               // processes that start
	sending    int               // messages of outcomes under way
	storing    int               // tasks that are being stored again, in messages
	foreign    int               // deliveries with tasks of funcs that have no handler here
	nextAway   time.Time         // when a delivery may go back for another host without a pause
	holding    bool              // tasks wait for those before them that are on their way
	stopping   bool
}

// span is tasks of a delivery that wait in its lane, from one index to before another.
type span struct {
	d        *delivery
	from, to int
	since    time.Time
}

// turn is one change of a scheduler's state. later has something done when the lock
// is released.
type turn struct {
	now   time.Time
	after []func()
	busy  bool // there is something for the watcher to look at
}

func (t *turn) later(f func()) { t.after = append(t.after, f) }

// do takes a turn.
func (s *scheduler) do(change func(*turn)) {
	t := s.begin(change)
	s.end(&t)
}

// begin changes the state. Its caller calls end, without a lock.
func (s *scheduler) begin(change func(*turn)) turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := turn{now: time.Now()}
	change(&t)
	s.giveBackFailed(&t)
	if s.stopping {
		s.giveBackAll(&t)
	} else {
		s.dispatch(&t)
	}
	s.setDemand()
	t.busy = s.isBusy()
	return t
}

// end does what the turn has to say to the broker and to processes.
func (s *scheduler) end(t *turn) {
	for _, f := range t.after {
		f()
	}
	if t.busy && !s.work.Load() {
		select {
		case s.tick <- struct{}{}:
		default:
		}
	}
	for _, l := range s.lanes {
		l.puller.ask()
	}
}

// isBusy reports whether there is anything that may need a look; s.mu is held.
func (s *scheduler) isBusy() bool { return len(s.deliveries) > 0 }

// worker is a worker process that is ready, as the scheduler sees it. All of it is
// under scheduler.mu.
type worker struct {
	*process
	runs      []*run    // that it has, the one at work first
	lastRun   uint64    // number of the latest run
	sent      int       // runs after the latest one that it is known to have reached
	given     int       // tasks that it was given and that were not taken back
	served    int       // tasks that have ended
	closing   bool      // it gets no more
	silent    bool      // it did not begin what it was given, and has not answered since
	doubts    int       // how often it was given up on since its latest outcomes
	heard     time.Time // when those came
	idleSince time.Time
	limitsAt  time.Time // when its slot looks at the limits of its tasks; zero if not
	spans     spanWriter
	announced runIndex // the latest task whose caller was told that it has started
	maxTasks  int      // that it may be given; 0 for no bound
	observes  bool     // it wants to hear of what was handed off
}

// run is tasks of one delivery that a process has.
type run struct {
	id       uint64
	d        *delivery
	from     int // index of its first task in the delivery
	tasks    int // that it began with
	end      int // index in the run behind the last task that may begin
	received int // outcomes that have come, in order
	since    time.Time
	given    time.Time // to the process
}

// runIndex names a task of a run; run is 0 for none.
type runIndex struct {
	run   uint64
	index int
}

// takes reports whether the process can be given tasks.
func (w *worker) takes() bool {
	return !w.closing && !w.silent && (len(w.runs) > 0 || w.sent < maxSent)
}

// task returns the task with an index in the run.
func (r *run) task(index int) *codec.Task { return r.d.batch.Task(r.from + index) }

// fn returns the name of the func of the task with an index in the run.
func (r *run) fn(index int) string { return r.d.batch.Func(r.from + index) }

// find returns a run of the process's by its number, nil if it has none.
func (w *worker) find(id uint64) *run {
	for _, r := range w.runs {
		if r.id == id {
			return r
		}
	}
	return nil
}

// remove takes a run from the process that is over.
func (w *worker) remove(r *run, now time.Time) {
	for i := range w.runs {
		if w.runs[i] == r {
			w.runs = append(w.runs[:i], w.runs[i+1:]...)
			break
		}
	}
	if len(w.runs) == 0 {
		w.idleSince = now
	}
}

// running returns the task that runs, with its run; ok is false if none does.
func (w *worker) running() (r *run, p scoreboard.Progress, ok bool) {
	for _, r := range w.runs {
		if p := w.board.Look(r.id, r.tasks); p.Running() && p.Begun > r.received {
			return r, p, true
		}
	}
	return nil, scoreboard.Progress{}, false
}

// join has a process that is ready get tasks.
func (s *scheduler) join(p *process, observes bool) {
	s.do(func(t *turn) {
		if p.work != nil {
			return
		}
		p.work = &worker{process: p, idleSince: t.now, maxTasks: s.cfg.MaxTasks, observes: observes}
		s.workers = append(s.workers, p.work)
	})
}

// close has a process get no more tasks, and takes back those that it has not begun.
// It returns when it will begin no other.
func (s *scheduler) close(p *process) {
	s.do(func(*turn) {
		if w := p.work; w != nil && !w.closing {
			w.closing = true
			s.takeBackAll(w)
		}
	})
}

// retire closes a process that has had nothing to run for so long, and reports
// whether it did; else it returns when to look again.
func (s *scheduler) retire(p *process, idle time.Duration) (retired bool, again time.Duration) {
	s.do(func(t *turn) {
		w := p.work
		switch {
		case w == nil || w.closing:
			again = idle
		case len(w.runs) > 0:
			again = idle
		default:
			if again = idle - t.now.Sub(w.idleSince); again <= 0 {
				retired, w.closing = true, true
			}
		}
	})
	return retired, max(again, time.Millisecond)
}

// wait puts tasks into their lane, at its end or before all others, unless their
// delivery has failed and comes again.
func (s *scheduler) wait(sp span, first bool) {
	n := sp.to - sp.from
	if n <= 0 || sp.d.failed {
		return
	}
	sp.d.waiting += n
	l := s.lanes[sp.d.lane]
	l.waiting += n
	if first {
		l.spans = append([]span{sp}, l.spans...)
	} else {
		l.spans = append(l.spans, sp)
	}
}

// maxSending bounds the messages of outcomes that are under way, beside two for each
// process; beyond it no further tasks are handed out.
const maxSending = 32

// dispatch hands waiting tasks to the processes that have room; s.mu is held.
func (s *scheduler) dispatch(t *turn) {
	if s.sending >= maxSending+2*len(s.workers) || s.direct.withholding > 0 {
		return
	}
	s.setShares(s.idle())
	for _, w := range s.workers {
		for len(w.runs) == 0 && w.takes() && s.give(t, w) {
		}
	}
	if _, ok := s.next(); !ok {
		s.balance(t)
		return
	}
	s.wakeSlots(t)
	s.makeWay()
	for _, w := range s.workers {
		if w.takesAhead(t.now) {
			s.give(t, w)
		}
	}
}

// setShares divides what waits among so many idle processes. It is done before any of
// them gets its share, or each would get less than the one before.
func (s *scheduler) setShares(idle int) {
	idle = max(idle, 1)
	for _, l := range s.lanes {
		l.share = (l.waiting + idle - 1) / idle
	}
}

// makeWay has processes that are at work on less urgent tasks than what waits end with
// the one that runs.
func (s *scheduler) makeWay() {
	for _, w := range s.workers {
		for i := len(w.runs) - 1; i >= 0; i-- {
			if r := w.runs[i]; s.isOutranked(r.d.lane) {
				s.takeBack(w, r, 0)
			}
		}
	}
}

// isOutranked reports whether tasks wait that outrank those of a lane.
func (s *scheduler) isOutranked(id laneID) bool {
	for i, l := range s.lanes[:id] {
		if len(l.spans) > 0 && s.outranks(laneID(i), id) {
			return true
		}
	}
	return false
}

// wakeSlots wakes as many dormant slots as there are tasks that no process comes for.
func (s *scheduler) wakeSlots(t *turn) {
	tasks := 0
	for _, l := range s.lanes {
		tasks += l.waiting
	}
	n := min(tasks-s.starting, len(s.dormant))
	if n <= 0 {
		return
	}
	s.starting += n
	woken := s.dormant[:n:n]
	s.dormant = s.dormant[n:]
	t.later(func() {
		for _, wake := range woken {
			wake <- struct{}{} // it has room, and gets no other before the slot sleeps again
		}
	})
}

// addDormant has a slot be woken when there is work for a process of it.
func (s *scheduler) addDormant(wake chan<- struct{}) {
	s.do(func(*turn) { s.dormant = append(s.dormant, wake) })
}

// removeDormant has a slot not be woken any more, and reports false if it has been.
func (s *scheduler) removeDormant(wake chan<- struct{}) (asleep bool) {
	s.do(func(*turn) {
		before := len(s.dormant)
		s.dormant = slices.DeleteFunc(s.dormant, func(other chan<- struct{}) bool { return other == wake })
		asleep = len(s.dormant) < before
	})
	return asleep
}

// startPending counts a process that is about to start, and startDone one that is ready
// or has failed. A slot that was woken is counted already.
func (s *scheduler) startPending() { s.do(func(*turn) { s.starting++ }) }

func (s *scheduler) startDone() { s.do(func(*turn) { s.starting-- }) }
