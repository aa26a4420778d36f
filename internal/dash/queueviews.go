package dash

import (
	"net/http"

	"github.com/musterfleet/muster/fleet"
)

// queueRow is a queue with what it was in the last quarter of an hour.
type queueRow struct {
	fleet.Queue
	PastWaiting, PastInFlight, PastWait line
}

func (s *Server) queueRows() []queueRow {
	queues, _, _ := s.record.queuesNow() // every page tells of the error
	rows := make([]queueRow, 0, len(queues))
	for _, q := range queues {
		rows = append(rows, queueRow{
			Queue:        q,
			PastWaiting:  s.record.past(q.Name, func(s *sample) float64 { return s.waiting }),
			PastInFlight: s.record.past(q.Name, func(s *sample) float64 { return s.inFlight }),
			PastWait:     s.record.past(q.Name, func(s *sample) float64 { return s.wait }),
		})
	}
	return rows
}

func (s *Server) queues(*http.Request) (page, error) {
	return page{Template: "queues", Title: "Queues", Data: s.queueRows()}, nil
}

type queueData struct {
	queueRow
	Hosts []fleet.Host // that pull from it
}

func (s *Server) queue(r *http.Request) (page, error) {
	name := r.PathValue("queue")
	for _, row := range s.queueRows() {
		if row.Name != name {
			continue
		}
		d := queueData{queueRow: row}
		for _, h := range s.record.hosts() {
			if h.ServesQueue(name) {
				d.Hosts = append(d.Hosts, h)
			}
		}
		return page{Template: "queue", Title: "Queue " + plain(name), Data: d}, nil
	}
	return missing("There is no such queue: " + short(name, 100)), nil
}
