package top

import (
	"fmt"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/text"
)

// hostsPage lists the worker hosts.
type hostsPage struct{}

func (hostsPage) name() string         { return "Hosts" }
func (hostsPage) target(*state) target { return target{} }

func (hostsPage) sections(s *state) []section {
	return []section{hostTable(s, func(Host) bool { return true })}
}

func hostTable(s *state, listed func(Host) bool) section {
	t := section{columns: []column{
		{title: "HOST", least: 8}, {title: "ID", rank: 3}, {title: "STATE"}, {title: "BUSY", right: true}, {title: "", rank: 6},
		{title: "TASKS/S", right: true}, {title: "MEMORY", right: true, rank: 1}, {title: "QUEUE", rank: 2, least: 7},
		{title: "UP", right: true, rank: 5}, {title: "LAST DEATH", least: 12, rank: 4}, {title: "VERSION", rank: 7, least: 8},
	}}
	for _, h := range s.Hosts {
		if !listed(h) {
			continue
		}
		died := word("-")
		if len(h.Latest) > 0 {
			last := h.Latest[len(h.Latest)-1]
			died = sized(fmt.Sprintf("%s, %s ago", last.Cause, text.Age(last.At, h.Sent)), float64(last.At.Unix()))
		}
		t.rows = append(t.rows, row{
			id: h.ID, to: h.target(), open: func() page { return hostPage(h.ID) },
			cells: []cell{
				word(h.Host), word(h.ID), h.condition(), sized(fmt.Sprintf("%d/%d", h.busy(), h.Want), float64(h.busy())),
				word(bar(h.busy(), h.Want, 8)), perSecond(h.TasksPerSecond), bytesCell(h.memory()), word(h.QueueText()),
				lasting(h.Sent.Sub(h.Started)), died, word(h.Version),
			},
		})
	}
	return t
}

// condition is a host's state, as far as it is known.
func (h *Host) condition() cell {
	switch {
	case h.Lost:
		return toned("lost", bad)
	case h.State == codec.HostServing:
		return toned(string(h.State), good)
	case h.State == codec.HostUnhealthy:
		return toned(string(h.State), bad)
	}
	return toned(string(h.State), warn)
}

func (h *Host) target() target {
	t := target{host: h.ID, hostName: h.Host}
	if queues := h.Serves(); len(queues) == 1 {
		t.queue = queues[0].Name
	}
	return t
}
