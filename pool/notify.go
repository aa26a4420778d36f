package pool

import (
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notices tell the service manager how the host stands, by the protocol of
// sd_notify, if NOTIFY_SOCKET names its socket.
type notices struct {
	logger  *slog.Logger
	every   time.Duration // between signs of life; 0 for none
	host    atomic.Pointer[Supervisor]
	closing chan struct{}
	closed  sync.WaitGroup
}

// newNotices sends signs of life, twice as often as the service manager wants
// them, until close.
func newNotices(logger *slog.Logger) *notices {
	n := &notices{logger: logger, closing: make(chan struct{})}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		logger.Warn("the service manager gets no signs of life", "error", err)
	}
	if n.every = watchdog / 2; n.every > 0 {
		n.closed.Go(n.live)
	}
	return n
}

func (n *notices) live() {
	ticker := time.NewTicker(n.every)
	defer ticker.Stop()
	for {
		if s := n.host.Load(); s == nil || s.healthy() {
			n.say(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ticker.C:
		case <-n.closing:
			return
		}
	}
}

// say passes on assignments such as READY=1.
func (n *notices) say(assignments ...string) {
	if err := notify(strings.Join(assignments, "\n")); err != nil {
		n.logger.Debug("telling the service manager", "error", err)
	}
}

// notifyTimeout bounds the wait for a service manager that does not read.
const notifyTimeout = time.Second

// notify is daemon.SdNotify, which would wait for ever.
func notify(message string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}

func (n *notices) reloading() {
	n.say(daemon.SdNotifyReloading, "STATUS=rolling to the new program; running tasks finish", daemon.SdNotifyMonotonicUsec())
}

func (n *notices) close() {
	close(n.closing)
	n.closed.Wait()
}
