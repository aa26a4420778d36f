package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// workerProcess is the inside of a worker process: it joins a consumer.Worker to
// the supervisor at the other end of the control connection.
type workerProcess struct {
	control net.Conn
	setup   setup
	orders  *json.Decoder

	mu sync.Mutex // held while a report is written

	questions uint64     // that were asked; the worker's
	answers   chan found // to them
}

func workerMain() int {
	conn, err := proc.ControlConn()
	if err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		return 1
	}
	w := &workerProcess{control: conn, orders: json.NewDecoder(conn), answers: make(chan found, 1)}
	left, err := w.work()
	if err != nil {
		w.report(report{Failed: err.Error()})
		return 1
	}
	w.report(report{Left: left})
	return 0
}

// work serves until the supervisor says to drain, or the tenure ends.
func (w *workerProcess) work() (consumer.Leaving, error) {
	w.report(report{Main: true})
	var first order
	if err := w.orders.Decode(&first); err != nil {
		return "", fmt.Errorf("pool: no setup from the supervisor: %w", err)
	}
	if first.Setup == nil {
		return "", errors.New("pool: the supervisor's first order is no setup")
	}
	w.setup = *first.Setup
	if err := goTo(w.setup.Dir); err != nil {
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
	nc, err := broker.Connect(ctx, broker.Config{
		URL: w.setup.URL, Credentials: w.setup.Login,
		Name: fmt.Sprintf("muster worker %s %d", w.setup.Host, os.Getpid()), Logger: slog.Default(),
		Options: []nats.Option{nats.ClosedHandler(func(nc *nats.Conn) { w.lost(ctx, nc) })},
	})
	if err != nil {
		return "", err
	}
	defer nc.Close()
	defer drain() // before the connection is closed, so that nobody calls it lost
	// Before the first pull, so that it ends no sooner than the pulls do.
	if _, err := nc.Subscribe(w.setup.Life, func(*nats.Msg) {}); err != nil {
		return "", fmt.Errorf("pool: giving a sign of life: %w", err)
	}
	local.set(w.setup)
	if err := w.initialise(ctx); err != nil {
		return "", err
	}
	worker, err := consumer.New(consumer.Config{
		Conn: nc, Queue: w.setup.Queue, Board: board, Tenure: w.setup.Tenure, MaxValue: w.setup.MaxValue,
		Host: w.setup.Host, PID: os.Getpid(), Logger: slog.Default(),
		Ready: func() { w.report(report{Ready: true, Funcs: consumer.Handled()}) },
		Watch: func(at time.Time) { w.report(report{WatchAt: at.UnixNano()}) },
		Wait:  w.wait, Elsewhere: w.elsewhere,
	})
	if err != nil {
		return "", err
	}
	worker.Cancel(w.setup.Cancel)
	go w.obey(worker, drain)
	left, err := worker.Serve(ctx)
	return left, errors.Join(err, local.close())
}

// initialise makes the call that the pool's user wants made in each process.
func (w *workerProcess) initialise(ctx context.Context) error {
	if w.setup.Init == nil {
		return nil
	}
	if err := consumer.Call(ctx, w.setup.Init.Func, w.setup.Init.Arg); err != nil {
		return fmt.Errorf("initialising with %s: %w", w.setup.Init.Func, err)
	}
	return nil
}

// obey follows the supervisor's orders. When the supervisor is gone, so is this
// process, with everything that it started: at once on Linux, where the kernel
// sees to it, and here anywhere else.
func (w *workerProcess) obey(worker *consumer.Worker, drain func()) {
	for {
		var o order
		if err := w.orders.Decode(&o); err != nil {
			die()
		}
		worker.Cancel(o.Cancel)
		if o.Stop != nil {
			worker.Stop(o.Stop.Client, o.Stop.Task, o.Stop.Why)
		}
		if o.Found != nil {
			select {
			case w.answers <- *o.Found:
			default: // to a question that nobody waits for any more
			}
		}
		if o.Ping {
			w.report(report{Pong: true})
		}
		if o.Drain {
			drain()
		}
	}
}

// elsewhereTimeout bounds the wait for the supervisor's answer, which takes no longer
// than inquiryTime on a host that is not overloaded.
const elsewhereTimeout = 2 * time.Second

// elsewhere asks the supervisor for other hosts that have a handler for a func. It is
// called by one goroutine.
func (w *workerProcess) elsewhere(name string) (processes int) {
	w.questions++
	select {
	case <-w.answers: // late
	default:
	}
	w.report(report{Find: &find{Number: w.questions, Func: name}})
	timer := time.NewTimer(elsewhereTimeout)
	defer timer.Stop()
	for {
		select {
		case a := <-w.answers:
			if a.Number == w.questions {
				return a.Processes
			}
		case <-timer.C:
			return 0
		}
	}
}

// wait tells the supervisor that the handler waits for another task.
func (w *workerProcess) wait() (resume func()) {
	w.report(report{Waits: 1})
	return func() { w.report(report{Waits: -1}) }
}

func (w *workerProcess) report(r report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := tell(w.control, r); err != nil {
		die() // nobody to work for
	}
}

// lost ends the process when its connection has ended for good, which only a
// broken server or a withdrawn credential does. A new process may do better.
func (w *workerProcess) lost(ctx context.Context, nc *nats.Conn) {
	if ctx.Err() == nil {
		w.report(report{Failed: fmt.Sprintf("the connection to the broker is closed for good: %v", nc.LastError())})
		die()
	}
}

// die ends the process's group, of which it is the leader.
func die() {
	_ = syscall.Kill(-os.Getpid(), syscall.SIGKILL)
	os.Exit(1)
}
