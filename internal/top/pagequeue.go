package top

import (
	"fmt"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/text"
)

// queuePage shows one queue: its lanes, its hosts and its dead letters.
type queuePage string

func (q queuePage) name() string         { return "queue " + string(q) }
func (q queuePage) target(*state) target { return target{queue: string(q)} }
func (q queuePage) letters() string      { return string(q) }

func (q queuePage) sections(s *state) []section {
	for _, queue := range s.Queues {
		if queue.Name == string(q) {
			hosts := hostTable(s, func(h Host) bool { return h.ServesQueue(string(q)) })
			hosts.title = "Hosts"
			return []section{q.lanes(s, queue), hosts, letterTable(s, string(q))}
		}
	}
	return []section{lines("", "There is no such queue now.")}
}

func (q queuePage) lanes(s *state, queue fleet.Queue) section {
	t := section{fixed: true, columns: []column{
		{title: "LANE"}, {title: "STATE"}, {title: "WAITING", right: true}, {title: "IN FLIGHT", right: true},
		{title: "REDELIVERED", right: true, rank: 1},
	}}
	t.title = fmt.Sprintf("%s scheduled, %s dead, oldest %s, %s", text.Thousands(queue.Scheduled), text.Thousands(queue.Dead),
		text.Age(queue.Oldest, s.At), text.Bytes(queue.Bytes))
	for _, lane := range queue.Lanes {
		t.rows = append(t.rows, row{id: "lane " + lane.Name, cells: []cell{
			word(lane.Name), paused(lane.Paused), number(lane.Waiting), number(lane.InFlight), number(lane.Redelivered),
		}})
	}
	return t
}
