package top

import (
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/text"
)

// queuesPage lists the queues.
type queuesPage struct{}

func (queuesPage) name() string         { return "Queues" }
func (queuesPage) target(*state) target { return target{} }

func (queuesPage) sections(s *state) []section {
	t := section{columns: []column{
		{title: "QUEUE", least: 8}, {title: "STATE"}, {title: "WAITING", right: true}, {title: "IN FLIGHT", right: true, rank: 1},
		{title: "SCHEDULED", right: true, rank: 3}, {title: "DEAD", right: true}, {title: "OLDEST", right: true},
		{title: "HOSTS", right: true, rank: 2}, {title: "SIZE", right: true, rank: 4},
	}}
	for _, q := range s.Queues {
		hosts := 0
		for _, h := range s.Hosts {
			if h.ServesQueue(q.Name) && h.there() {
				hosts++
			}
		}
		staffed := number(hosts)
		if hosts == 0 {
			staffed.tone = bad
		}
		dead := number(q.Dead)
		if q.Dead > 0 {
			dead.tone = warn
		}
		t.rows = append(t.rows, row{
			id: q.Name, to: target{queue: q.Name}, open: func() page { return queuePage(q.Name) },
			cells: []cell{
				word(q.Name), paused(q.Paused), number(q.Waiting), number(q.InFlight), number(q.Scheduled), dead,
				oldest(s, q), staffed, bytesCell(q.Bytes),
			},
		})
	}
	return []section{t}
}

func oldest(s *state, q fleet.Queue) cell {
	if q.Oldest.IsZero() {
		return word("-")
	}
	return sized(text.Age(q.Oldest, s.At), s.At.Sub(q.Oldest).Seconds())
}

func paused(is bool) cell {
	if is {
		return toned("paused", warn)
	}
	return toned("running", good)
}
