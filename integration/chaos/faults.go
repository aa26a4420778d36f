package chaos

import (
	"context"
	"syscall"
	"time"
)

// kind is a kind of fault. Strike does it to a fleet, sees to what it strikes
// being well again, and returns then; its error is that of the test's own means.
type kind struct {
	name   string
	weight int           // how often it is drawn, in proportion
	most   time.Duration // that it lasts
	strike func(context.Context, *fleet, fault) error
}

var (
	killWorker  = &kind{"SIGKILL of a worker process", 30, time.Millisecond, signalWorker(syscall.SIGKILL)}
	killHost    = &kind{"SIGKILL of a supervisor", 6, time.Second, endHost(syscall.SIGKILL)}
	killBroker  = &kind{"SIGKILL of the broker", 5, time.Second, endBroker}
	killClient  = &kind{"SIGKILL of the client", 8, time.Second, endClient}
	segfault    = &kind{"SIGSEGV of a worker process", 5, time.Millisecond, signalWorker(syscall.SIGSEGV)}
	freeze      = &kind{"SIGSTOP of a worker process", 8, 2 * time.Second, freezeWorker}
	termHost    = &kind{"SIGTERM of a supervisor", 4, time.Second, endHost(syscall.SIGTERM)}
	freezeSuper = &kind{"SIGSTOP of a supervisor", 3, 5 * time.Second, freezeHost}
	cutLine     = &kind{"a line cut", 5, 4 * time.Second, cut}
	delayLine   = &kind{"a line delayed", 4, 3 * time.Second, delay}
	halfOpen    = &kind{"a line half-open", 4, 5 * time.Second, halve}
)

var kinds = []*kind{killWorker, killHost, killBroker, killClient, segfault, freeze, termHost, freezeSuper, cutLine, delayLine, halfOpen}

func signalWorker(s syscall.Signal) func(context.Context, *fleet, fault) error {
	return func(ctx context.Context, f *fleet, x fault) error {
		for {
			h, pid, p, err := f.someWorker(ctx, x.pick)
			if err != nil {
				return err
			}
			at := time.Now().UnixNano()
			if p.Signal(s) == nil {
				_ = p.Signal(syscall.SIGCONT) // one that is frozen must get it, and nobody else can wake it then
				f.history.add(record{Event: killed, At: at, Host: h.params.Host, PID: pid, Note: s.String()})
				h.forget(pid)
				return nil
			}
			h.forget(pid) // it has died meanwhile; its host tells in a moment
		}
	}
}

func freezeWorker(ctx context.Context, f *fleet, x fault) error {
	_, _, p, err := f.someWorker(ctx, x.pick)
	if err != nil {
		return err
	}
	_ = p.Signal(syscall.SIGSTOP) // it may have died
	pause(ctx, x.lasts)
	_ = p.Signal(syscall.SIGCONT)
	return nil
}

func endHost(s syscall.Signal) func(context.Context, *fleet, fault) error {
	return func(ctx context.Context, f *fleet, x fault) error {
		return f.hosts[x.pick%uint64(len(f.hosts))].replace(ctx, s, x.lasts)
	}
}

func freezeHost(ctx context.Context, f *fleet, x fault) error {
	h := f.hosts[x.pick%uint64(len(f.hosts))]
	if !h.mu.TryLock() {
		return nil // it is being started again
	}
	defer h.mu.Unlock()
	p := h.program().cmd.Process
	_ = p.Signal(syscall.SIGSTOP)
	pause(ctx, x.lasts)
	_ = p.Signal(syscall.SIGCONT)
	return nil
}

func endBroker(ctx context.Context, f *fleet, x fault) error {
	return f.broker.replace(ctx, syscall.SIGKILL, x.lasts)
}

func endClient(ctx context.Context, f *fleet, x fault) error {
	return f.client.replace(ctx, syscall.SIGKILL, x.lasts)
}

// The fleet's lines: one host's, and the client's.

func cut(ctx context.Context, f *fleet, x fault) error {
	l := f.lines[x.pick%uint64(len(f.lines))]
	if !l.faulty.TryLock() {
		return nil // it is bad enough
	}
	defer l.faulty.Unlock()
	l.cut()
	pause(ctx, x.lasts)
	l.mend()
	return nil
}

func delay(ctx context.Context, f *fleet, x fault) error {
	l := f.lines[x.pick%uint64(len(f.lines))]
	if !l.faulty.TryLock() {
		return nil // it is bad enough
	}
	defer l.faulty.Unlock()
	l.delay.Store(int64(x.pick % uint64(200*time.Millisecond)))
	pause(ctx, x.lasts)
	l.delay.Store(0)
	return nil
}

func halve(ctx context.Context, f *fleet, x fault) error {
	l := f.lines[x.pick%uint64(len(f.lines))]
	if !l.faulty.TryLock() {
		return nil // it is bad enough
	}
	defer l.faulty.Unlock()
	end := l.halve(x.pick>>32%2 == 0)
	pause(ctx, x.lasts)
	end()
	return nil
}

// pause waits as long as a fault lasts, or until the run is given up.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
