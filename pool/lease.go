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
// lost, and the next still be in time. The lease itself is short because it is
// also how long a delivery is lost that was on its way to a process when that
// died, before the process could note it on its scoreboard.
const renewEvery = broker.Lease / 6

// leases renews the leases of what a host's worker processes have in hand, and
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
// not. held gives by ack subject when a task of the delivery was started, zero for
// none: it came before that. renew says so once when leases have ended, as they do
// while the host is frozen or cut off.
func (l *leases) renew(held map[string]time.Time, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	confirmed := make(map[string]time.Time, len(held))
	ended := 0
	for ack, started := range held {
		at, ok := l.confirmed[ack]
		switch { // a delivery is a confirmation
		case ok:
		case started.IsZero():
			at = now
		default:
			at = started
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

// renewLeases keeps the deliveries that worker processes have in hand, until
// the supervisor has stopped. The supervisor does it, and not the process, so
// that a handler that computes without pause cannot starve it.
func (s *Supervisor) renewLeases() {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-ticker.C:
		}
		held := map[string]time.Time{}
		for _, c := range s.children() {
			for _, d := range c.board.Deliveries() {
				held[d.Ack] = d.StartedAt
			}
		}
		s.leases.renew(held, time.Now())
	}
}

// answer tells the broker what becomes of a delivery. Lost answers cost time,
// not tasks: the delivery comes again when its lease ends.
func (s *Supervisor) answer(ack, answer string) {
	if err := s.nc.Publish(ack, []byte(answer)); err != nil {
		s.cfg.Logger.Debug("answering a delivery", "answer", answer, "error", err)
	}
}
