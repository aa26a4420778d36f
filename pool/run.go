package pool

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/musterfleet/muster/codec"
)

// Run is a worker host: it runs worker processes until ctx ends or a signal
// tells it to end.
//
//   - SIGTERM, or SIGINT once, drains, as the end of ctx does: running tasks finish,
//     for at most [Config.DrainTimeout], and the others are left to other hosts. A
//     second SIGINT kills. While no worker process is ready yet, it ends at once.
//   - SIGTTIN adds a worker process, SIGTTOU removes one, but never the last.
//   - SIGHUP rolls to the program that is at this one's file now: if that one runs,
//     and calls [Main], the host drains, and the process goes on as that program,
//     with the same arguments, environment and process id. If it does not, nothing
//     changes.
//
// A reader of stdout or stderr that goes away does not end the host: what is written
// there is lost.
//
// Where NOTIFY_SOCKET names the socket of a service manager, it hears there when
// the host is ready, reloads or stops, and gets signs of life if WATCHDOG_USEC
// asks for them, unless no worker process becomes ready any more.
//
// Run's error is that of [Start], or nil.
func Run(ctx context.Context, cfg Config) error {
	if err := checkMain(); err != nil {
		return err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	program, err := programFile()
	if err != nil {
		return err
	}
	signals := newSignals(ctx)
	defer signals.endKill()
	defer signals.endDrain()
	notices := newNotices(cfg.Logger)
	defer notices.close()
	for {
		h := &host{signals: signals, notices: notices, program: program}
		rolls, err := h.run(ctx, cfg)
		if !rolls {
			return err
		}
		cfg.Logger.Error("going on with the old program", "error", become(program))
		cfg.Processes = h.desired()
	}
}

// host is a supervisor that obeys signals.
type host struct {
	*Supervisor
	*signals
	*notices
	program string
}

// run starts a host and runs it until it has ended. It reports whether this
// process shall become the new program, with signals left to that.
func (h *host) run(ctx context.Context, cfg Config) (rolls bool, err error) {
	h.catch()
	h.Supervisor, err = launch(h.signals.drain, cfg)
	if err == nil {
		err = h.awaitReady(h.signals.drain, h.startResults)
		switch {
		case err != nil && h.told() && h.hasReady():
			err = nil // it drains, so that tasks that run are finished
		case err != nil:
			h.Kill()
		}
	}
	if err == nil && h.serve() {
		h.handOver()
		return !h.told(), nil
	}
	defer h.release()
	if h.told() && ctx.Err() == nil {
		return false, nil // it was told to end before it was ready
	}
	return false, err
}

// serve serves until the host has ended, and reports whether it shall go on as
// the new program.
func (h *host) serve() (rolls bool) {
	h.notices.host.Store(h.Supervisor)
	defer h.notices.host.Store(nil)
	h.ready()
	for {
		select {
		case <-h.signals.drain.Done():
			h.say(daemon.SdNotifyStopping, "STATUS=draining")
			h.leave("draining: running tasks finish, others go back to the queue")
			return false
		case <-h.leaving: // asked otherwise than by a signal
			h.say(daemon.SdNotifyStopping, "STATUS=draining")
			h.leave("draining")
			return false
		case sig := <-h.changes:
			switch {
			case sig == syscall.SIGHUP:
				if h.roll() {
					return true
				}
			case sig == syscall.SIGTTIN:
				h.grow(syscall.SIGTTIN, 1)
			case sig == syscall.SIGTTOU:
				h.grow(syscall.SIGTTOU, -1)
			}
		}
	}
}

// leave drains, and returns when the host has ended.
func (h *host) leave(message string) {
	h.cfg.Logger.Info(message)
	if err := h.Drain(h.signals.kill); err != nil {
		h.cfg.Logger.Warn("stopped at once", "cause", err)
	}
}

// roll drains the host if the new program runs, and reports whether to go on as
// that.
func (h *host) roll() bool {
	h.reloading()
	version, err := checkProgram(h.signals.drain, h.program)
	if err != nil {
		h.cfg.Logger.Error("going on with the old program", "error", err)
		h.ready()
		return false
	}
	h.leave(fmt.Sprintf("draining to go on as %s, version %s", h.program, version))
	return !h.told()
}

func (h *host) grow(sig syscall.Signal, by int) {
	if err := h.add(by); err != nil {
		h.cfg.Logger.Warn("the number of worker processes stays", "signal", signalName(sig), "error", err)
		return
	}
	h.cfg.Logger.Info("the number of worker processes changes", "signal", signalName(sig), "processes", h.desired())
	h.ready()
}

func (h *host) ready() {
	h.say(daemon.SdNotifyReady, fmt.Sprintf("STATUS=serving queue %s with %d worker processes", codec.FormatQueues(h.cfg.Queues), h.desired()))
}
