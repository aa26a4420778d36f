package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// listen hears the worker hosts.
func (e *examination) listen(ctx context.Context) {
	e.heard = e.judge(CheckHost, "", e.try(ctx, "muster.", func(ctx context.Context) error {
		hosts, err := fleet.Listen(ctx, e.nc, listenFor)
		for _, host := range hosts {
			if host.State != codec.HostStopped && (e.Queue == "" || host.ServesQueue(e.Queue)) {
				e.hosts = append(e.hosts, host)
			}
		}
		return err
	}))
}

// nameOf tells hosts of the same name apart.
func nameOf(h fleet.Host) string { return h.Host + " (" + h.ID + ")" }

// eachHost checks that hosts are well and alike.
func (e *examination) eachHost() {
	for _, host := range e.hosts {
		e.health(host)
		sent := e.now().Add(-time.Since(host.Seen)) // when we heard it, by our clock
		e.compare(nameOf(host), host.Sent.Sub(sent))
	}
	byQueue := map[string][]fleet.Host{}
	for _, host := range e.hosts {
		for _, q := range host.Serves() {
			byQueue[q.Name] = append(byQueue[q.Name], host)
		}
	}
	for _, queue := range slices.Sorted(maps.Keys(byQueue)) {
		hosts := byQueue[queue]
		e.alike(queue, "versions", "roll the hosts to one version: SIGHUP after the program was replaced", hosts,
			func(h fleet.Host) string { return h.Version })
		e.alike(queue, "funcs", "a task may come to any of them: run the same program on all hosts of a queue, or give the others a queue of their own", hosts,
			func(h fleet.Host) string { return strings.Join(slices.Sorted(slices.Values(h.Funcs)), " ") })
	}
}

func (e *examination) health(host fleet.Host) {
	down, last := 0, ""
	for _, p := range host.Processes {
		if p.State == codec.ProcessBackoff || p.State == codec.ProcessDown && p.Died != nil {
			down++
		}
	}
	if n := len(host.Latest); n > 0 {
		last = "; the last death: " + oneLineOf(host.Latest[n-1].Text)
	}
	switch {
	case host.State == codec.HostUnhealthy:
		e.problem(CheckHost, nameOf(host), "unhealthy: its worker processes do not become ready"+last, "see the host's log; mend the program, or what it needs at its start")
	case host.Lost:
		e.problem(CheckHost, nameOf(host), "lost: it has fallen silent", "see whether the machine and its supervisor are there")
	case host.State == codec.HostDraining:
		e.ok(CheckHost, nameOf(host), "it drains")
	case down > 0:
		e.warn(CheckHost, nameOf(host), fmt.Sprintf("worker processes that wait to be started again: %d of %d%s", down, host.Want, last), "muster dead ls, and the host's log, tell what they die of")
	default:
		e.ok(CheckHost, nameOf(host), "%s, worker processes: %d", host.State, host.Want)
	}
}

// alike checks that the hosts of a queue have something in common.
func (e *examination) alike(queue, what, mend string, hosts []fleet.Host, of func(fleet.Host) string) {
	with := map[string][]string{}
	for _, host := range hosts {
		with[of(host)] = append(with[of(host)], host.Host)
	}
	if len(with) < 2 {
		return
	}
	var groups []string
	for _, value := range slices.Sorted(maps.Keys(with)) {
		groups = append(groups, fmt.Sprintf("%s: %s", strings.Join(with[value], ", "), value))
	}
	e.warn(CheckHost, queue, "the queue's hosts differ in their "+what+": "+strings.Join(groups, "; "), mend)
}

func oneLineOf(text string) string { return strings.Join(strings.Fields(text), " ") }
