package pool

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
)

// renewEvery is how often leases are renewed: several renewals may be late or
// lost, and the next still be in time.
const renewEvery = broker.Lease / 6

// leases renews the leases of what a host has in hand, and
// knows from the broker's confirmations whether they stand. It is safe for
// concurrent use.
type leases struct {
	logger *slog.Logger
	inbox  string // a confirmation comes to inbox.<when the renewal was sent>.<ack subject>
	send   func(ack, reply string) error

	mu        sync.Mutex
	confirmed map[string]time.Time // by ack subject: when the latest renewal was sent that was confirmed
	lost      time.Time            // when leases were found to have ended; zero: all stand
}

func newLeases(inbox string, logger *slog.Logger, send func(ack, reply string) error) *leases {
	return &leases{logger: logger, inbox: inbox, send: send, confirmed: map[string]time.Time{}}
}

// renew renews the leases of all that is in hand, and forgets those of what is
// not. held says by ack subject when the delivery came. renew says so once when leases have ended, as they do
// while the host is frozen or cut off.
func (l *leases) renew(held map[string]time.Time, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	confirmed := make(map[string]time.Time, len(held))
	ended := 0
	for ack, came := range held {
		at, ok := l.confirmed[ack]
		if !ok {
			at = came // a delivery is a confirmation
		}
		confirmed[ack] = at
		if now.Sub(at) > broker.Lease {
			ended++
		}
		if err := l.send(ack, l.inbox+"."+strconv.FormatInt(now.UnixNano(), 36)+"."+ack); err != nil {
			l.logger.Debug("renewing a lease", "error", err)
		}
	}
	l.confirmed = confirmed
	if ended > 0 && l.lost.IsZero() {
		l.lost = now
		l.logger.Warn("the broker does not confirm leases: tasks that run here may be running elsewhere too",
			"deliveries", ended, "lease", broker.Lease)
	}
}

// confirm takes the broker's confirmation of a renewal. It says so once when all
// leases stand again.
func (l *leases) confirm(subject string) {
	sent, ack, _ := strings.Cut(strings.TrimPrefix(subject, l.inbox+"."), ".")
	nanos, err := strconv.ParseInt(sent, 36, 64)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before, ok := l.confirmed[ack]
	if !ok {
		return // done meanwhile
	}
	if at := time.Unix(0, nanos); at.After(before) {
		l.confirmed[ack] = at
	}
	if l.lost.IsZero() {
		return
	}
	for _, at := range l.confirmed {
		if at.Before(l.lost) {
			return
		}
	}
	l.logger.Info("the broker confirms leases again")
	l.lost = time.Time{}
}

// subscribeConfirmations has the supervisor's leases hear from the broker.
func (s *Supervisor) subscribeConfirmations() error {
	s.leases = newLeases(s.nc.NewInbox(), s.cfg.Logger, func(ack, reply string) error {
		return s.nc.PublishRequest(ack, reply, []byte("+WPI"))
	})
	_, err := s.nc.Subscribe(s.leases.inbox+".>", func(msg *nats.Msg) {
		if msg.Header.Get("Status") == "" { // else it says that nobody heard the renewal
			s.leases.confirm(msg.Subject)
		}
	})
	if err != nil {
		return fmt.Errorf("pool: subscribing to confirmations of leases: %w", err)
	}
	return nil
}

// renewLeases keeps the deliveries that the host has in hand, until
// the supervisor has stopped.
func (s *Supervisor) renewLeases() {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-ticker.C:
		}
		s.leases.renew(s.scheduler.held(), time.Now())
	}
}

// held returns when each delivery that the host has in hand came, by the subject of
// its answer.
func (s *scheduler) held() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]time.Time, len(s.deliveries))
	for _, d := range s.deliveries {
		if !d.isDirect() {
			all[d.ack] = d.received
		}
	}
	return all
}
