package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// collectFor is how long hosts may take to answer that are asked how they stand.
const collectFor = 300 * time.Millisecond

// flushTimeout bounds the wait for the broker.
const flushTimeout = 5 * time.Second

// Hosts asks the worker hosts how they stand, and returns those that answer within
// 0.3 seconds, by name and id. One that does not is cut off, or gone.
func (f *Fleet) Hosts(ctx context.Context) ([]codec.HostStatus, error) {
	hosts, err := Listen(ctx, f.nc, collectFor)
	if err != nil {
		return nil, err
	}
	var all []codec.HostStatus
	for _, host := range hosts {
		if host.State != codec.HostStopped {
			all = append(all, host.HostStatus)
		}
	}
	return all, nil
}

// Listen asks the worker hosts how they stand by way of a connection that the
// caller has, and returns what it hears of them for a time, by name and id. It needs
// nothing else of the broker.
func Listen(ctx context.Context, nc *nats.Conn, length time.Duration) ([]Host, error) {
	ctx, cancel := context.WithTimeout(ctx, length+flushTimeout)
	defer cancel()
	heard := newRoster()
	beats := make(chan *nats.Msg, maxHosts)
	sub, err := nc.ChanSubscribe(broker.HostWildcard, beats)
	if err != nil {
		return nil, fmt.Errorf("fleet: listening to hosts: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed, which ended it
	if err := nc.Publish(broker.WatchSubject, nil); err != nil {
		return nil, fmt.Errorf("fleet: asking hosts: %w", err)
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		return nil, fmt.Errorf("fleet: asking hosts: %w", err)
	}
	enough := time.NewTimer(length)
	defer enough.Stop()
	for {
		select {
		case msg := <-beats:
			heard.hear(msg.Subject, msg.Data, time.Now())
		case <-enough.C:
			return heard.hosts(time.Now()), nil
		case <-ctx.Done():
			return nil, fmt.Errorf("fleet: asking hosts: %w", context.Cause(ctx))
		}
	}
}

// readStatus reads a heartbeat. Anybody may publish to its subject: what cannot be
// a host's is none.
func readStatus(subject string, data []byte) (codec.HostStatus, bool) {
	var status codec.HostStatus
	if err := json.Unmarshal(data, &status); err != nil {
		return status, false
	}
	ok := validID(status.ID) && status.ID == broker.HostOf(subject) && status.Host != ""
	for _, label := range append([]string{status.Host, status.Queue, status.Version, string(status.State)}, status.Funcs...) {
		ok = ok && printable(label)
	}
	for _, q := range status.Queues {
		ok = ok && printable(q.Name)
	}
	for _, p := range status.Processes {
		ok = ok && printable(p.Func) && printable(p.Task) && printable(string(p.State))
	}
	for name, count := range status.Counts {
		ok = ok && printable(name)
		for code := range count.Failed {
			ok = ok && printable(string(code))
		}
	}
	for cause := range status.Deaths {
		ok = ok && printable(string(cause))
	}
	for _, s := range status.Spans {
		ok = ok && printable(s.Func) && printable(s.Task) && s.Count > 0
	}
	return status, ok
}

func validID(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(id) == 8
}

// printable reports whether a label can be shown as it is.
func printable(label string) bool {
	if len(label) > 256 || !utf8.ValidString(label) {
		return false
	}
	for _, c := range label {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}
