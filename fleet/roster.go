package fleet

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
)

const (
	// lostAfter is how long a host may be silent until it counts as lost.
	lostAfter = 5 * time.Second
	// forgottenAfter is how long a host is remembered that was lost or has stopped.
	forgottenAfter = time.Minute
	// maxHosts bounds how many hosts are remembered; others are not heard.
	maxHosts = 4096
)

// roster is what was heard of hosts last. It is safe for concurrent use.
type roster struct {
	mu    sync.Mutex
	known map[string]Host
}

func newRoster() *roster { return &roster{known: map[string]Host{}} }

// hear takes a heartbeat, and reports whether it is the first of its host, and
// whether it was one.
func (r *roster) hear(subject string, data []byte, now time.Time) (status codec.HostStatus, first, ok bool) {
	status, ok = readStatus(subject, data)
	if !ok {
		return status, false, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.known[status.ID]
	if !known && len(r.known) >= maxHosts {
		if r.forget(now); len(r.known) >= maxHosts {
			return status, false, false
		}
	}
	kept := status
	kept.Spans = nil // they are news, and no state
	r.known[status.ID] = Host{HostStatus: kept, Seen: now}
	return status, !known, true
}

func (r *roster) forget(now time.Time) {
	for id, host := range r.known {
		if now.Sub(host.Seen) >= forgottenAfter {
			delete(r.known, id)
		}
	}
}

// hosts returns what was heard last of each host, by name and id.
func (r *roster) hosts(now time.Time) []Host {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(now)
	all := make([]Host, 0, len(r.known))
	for _, host := range r.known {
		host.Lost = host.State != codec.HostStopped && now.Sub(host.Seen) >= lostAfter
		all = append(all, host)
	}
	slices.SortFunc(all, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.ID, b.ID))
	})
	return all
}
