package top

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// link knows since when the broker is away. It is safe for concurrent use.
type link struct {
	mu   sync.Mutex
	lost time.Time
}

// options has a connection tell the link of its loss and return.
func (l *link) options() []nats.Option {
	return []nats.Option{
		nats.DisconnectErrHandler(func(*nats.Conn, error) { l.set(time.Now()) }),
		nats.ReconnectHandler(func(*nats.Conn) { l.set(time.Time{}) }),
	}
}

func (l *link) set(lost time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lost.IsZero() || l.lost.IsZero() {
		l.lost = lost
	}
}

// since returns when the broker was lost, zero while it is there.
func (l *link) since() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *link) away() bool { return !l.since().IsZero() }
