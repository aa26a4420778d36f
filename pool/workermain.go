package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// workerProcess is the inside of a worker process: it joins a consumer.Worker to the
// supervisor at the other end of the link.
type workerProcess struct {
	link       *link.Conn
	supervisor int // process id of the supervisor: the parent, as long as that lives
}

func workerMain() int {
	conn, err := proc.ControlConn()
	if err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		return 1
	}
	w := &workerProcess{supervisor: os.Getppid()}
	if w.link, err = link.New(conn); err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		return 1
	}
	last, status := report{}, 0
	if last.Left, err = w.work(); err != nil {
		last, status = report{Failed: err.Error()}, 1
	}
	w.report(last)
	if err := w.link.Flush(); err != nil {
		w.lost(err)
	}
	return status
}

// work serves until the supervisor says to leave, or the process has too much memory.
func (w *workerProcess) work() (consumer.Leaving, error) {
	w.report(report{Main: true})
	setup, err := w.receiveSetup()
	if err != nil {
		return "", err
	}
	if err := goTo(setup.Dir); err != nil {
		return "", fmt.Errorf("pool: going to the program's working directory: %w", err)
	}
	file := proc.InheritedFile(0)
	board, err := scoreboard.Open(file)
	if err != nil {
		return "", err
	}
	defer board.Close()
	file.Close() // the mapping stays

	ctx, drain := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer drain()
	told := make(chan consumer.Leaving, 1)
	leave := func(why consumer.Leaving) {
		select {
		case told <- why:
		default:
		}
		drain()
	}
	var worker *consumer.Worker
	worker, err = consumer.New(consumer.Config{
		Link: w.link, Board: board, Queues: setup.Queues, Host: setup.Host, PID: os.Getpid(),
		MaxMessage: setup.MaxMessage, MaxValue: setup.MaxValue, MaxMemory: setup.MaxMemory,
		Logger: slog.Default(), Lost: w.lost, Wait: w.wait, Progress: w.progress,
		Order: func(f link.Frame) error {
			var o order
			if err := json.Unmarshal(f.Payload, &o); err != nil {
				return fmt.Errorf("%w: an order: %w", link.ErrProtocol, err)
			}
			if o.Client != nil {
				inside.answer(access{*o.Client, f.File})
				return nil
			}
			w.follow(o, worker, leave)
			return f.Close()
		},
	})
	if err != nil {
		return "", err
	}
	inside.open(setup.Queues[0], func() {
		go worker.Listen() // for the answer
		w.report(report{Client: true})
	})
	go worker.Listen()
	if err := initialize(ctx, setup.Init); err != nil {
		return "", err
	}
	w.report(report{Ready: true, Funcs: consumer.Handled(), Observes: consumer.Observes()})
	left := worker.Serve(ctx)
	select {
	case why := <-told:
		left = why
	default:
	}
	return left, inside.close()
}

// receiveSetup receives the first order.
func (w *workerProcess) receiveSetup() (*setup, error) {
	f, err := w.link.Receive()
	if err != nil {
		return nil, fmt.Errorf("pool: no setup from the supervisor: %w", err)
	}
	var first order
	if f.Kind != link.KindOrder || json.Unmarshal(f.Payload, &first) != nil || first.Setup == nil {
		return nil, errors.New("pool: the supervisor's first order is no setup")
	}
	return first.Setup, nil
}

// initialize makes the call that the pool's user wants made in each process.
func initialize(ctx context.Context, first *initial) error {
	if first == nil {
		return nil
	}
	if err := consumer.Call(ctx, first.Func, first.Arg); err != nil {
		return fmt.Errorf("initialising with %s: %w", first.Func, err)
	}
	return nil
}

const (
	// lostTimeout is how long a process without its link waits until its supervisor kills
	// it. That takes it unlinkedTimeout, as a rule.
	lostTimeout  = 3 * unlinkedTimeout
	lostInterval = 10 * time.Millisecond
)

// lost ends this process, which has no link any more, with everything that it started. It
// does not return.
//
// If the supervisor is gone that is at once: on Linux the kernel sees to it, and this
// anywhere else. If it lives, a task has harmed the link. The supervisor notices, and
// kills the process for it: to die before would look like a death between two tasks, for
// which no task is charged, and the next process would end in the same way.
func (w *workerProcess) lost(err error) {
	if errors.Is(err, link.ErrProtocol) { // no supervisor of this program sends that
		fmt.Fprintln(os.Stderr, "muster:", err)
	}
	for end := time.Now().Add(lostTimeout); os.Getppid() == w.supervisor && time.Now().Before(end); {
		time.Sleep(lostInterval)
	}
	die()
}

func (w *workerProcess) follow(o order, worker *consumer.Worker, leave func(consumer.Leaving)) {
	if o.Stop != nil {
		worker.Stop(o.Stop.Run, o.Stop.Index, o.Stop.Why)
	}
	if o.HandedOff != nil {
		var err error
		if o.HandedOff.Error != "" {
			err = errors.New(o.HandedOff.Error)
		}
		worker.HandedOff(o.HandedOff.Run, o.HandedOff.Index, err)
	}
	if o.Ping {
		w.report(report{Pong: true})
	}
	if o.Drain != "" {
		leave(o.Drain)
	}
}

// maxNote bounds the text of a progress report, in bytes.
const maxNote = 1 << 10

func (w *workerProcess) progress(run uint64, index int, p codec.Progress) {
	w.report(report{Progress: &progress{
		Run: run, Index: index, Done: p.Done, Total: p.Total, Note: []byte(p.Note[:min(len(p.Note), maxNote+1)]),
	}})
}

// wait tells the supervisor that the handler waits for another task.
func (w *workerProcess) wait() (resume func()) {
	w.report(report{Waits: 1})
	return func() { w.report(report{Waits: -1}) }
}

func (w *workerProcess) report(r report) {
	data, err := json.Marshal(r)
	if err == nil {
		err = w.link.SendWait(link.KindReport, nil, func(dst []byte) []byte { return append(dst, data...) })
	}
	if err != nil {
		w.lost(err)
	}
}

// die ends the process's group, of which it is the leader.
func die() {
	_ = syscall.Kill(-os.Getpid(), syscall.SIGKILL)
	os.Exit(1)
}
