package dash

import (
	"net/http"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

type overviewData struct {
	Usage    usage
	Hosts    []fleet.Host
	Queues   []queueRow
	Failures []failure
	More     int // failures that are not shown
	Busy     int // processes
	Serving  int // hosts
	Waiting  uint64
	InFlight int
	Dead     int
	Past     line // of utilisation
}

// maxFailures is how many failures the overview shows.
const maxFailures = 5

func (s *Server) overview(*http.Request) (page, error) {
	now := time.Now()
	hosts := s.record.hosts()
	d := overviewData{
		Usage: s.record.usage(hosts, now), Hosts: hosts, Queues: s.queueRows(), Failures: s.record.failures(hosts, nil),
		Past: s.record.past("", func(s *sample) float64 { return s.busy }),
	}
	for _, h := range hosts {
		if h.State != codec.HostStopped && !h.Lost {
			d.Serving++
		}
	}
	for _, row := range d.Usage.Rows {
		if row.Process.Task != "" && !row.Host.Lost {
			d.Busy++
		}
	}
	for _, q := range d.Queues {
		d.Waiting += q.Waiting
		d.InFlight += q.InFlight
		d.Dead += q.Dead
	}
	if d.More = len(d.Failures) - maxFailures; d.More > 0 {
		d.Failures = d.Failures[:maxFailures]
	}
	return page{Template: "overview", Title: "Overview", Stream: everyHost, Data: d}, nil
}
