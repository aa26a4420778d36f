package dash

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

func (s *Server) hosts(*http.Request) (page, error) {
	return page{Template: "hosts", Title: "Worker hosts", Data: s.record.hosts()}, nil
}

type hostData struct {
	fleet.Host
	Usage usage
	Funcs []funcRow
	RAM   uint64 // of all its processes, in bytes
}

// funcRow is what a host did for one func since its start.
type funcRow struct {
	Name     string
	Attempts uint64
	Failed   uint64
	Run      time.Duration // mean
	Wait     time.Duration // mean
}

func (s *Server) host(r *http.Request) (page, error) {
	id := r.PathValue("host")
	hosts := of(s.record.hosts(), id)
	if len(hosts) == 0 {
		return missing("No worker host has the id " + short(id, 100) + ", or it was silent for more than a minute."), nil
	}
	d := hostData{Host: hosts[0], Usage: s.record.usage(hosts, time.Now()), RAM: hosts[0].Memory}
	for _, p := range d.Processes {
		d.RAM += p.Memory
	}
	for _, name := range d.HostStatus.Funcs {
		d.Funcs = append(d.Funcs, newFuncRow(name, d.Counts[name]))
	}
	slices.SortFunc(d.Funcs, func(a, b funcRow) int {
		return cmp.Or(cmp.Compare(b.Attempts, a.Attempts), cmp.Compare(a.Name, b.Name))
	})
	return page{Template: "host", Title: "Host " + plain(d.Host.Host), Stream: id, Data: d}, nil
}

func newFuncRow(name string, c codec.FuncCount) funcRow {
	row := funcRow{Name: name, Attempts: c.Attempts, Run: mean(c.Run), Wait: mean(c.Wait)}
	for _, n := range c.Failed {
		row.Failed += n
	}
	return row
}

func mean(h codec.Histogram) time.Duration {
	var n uint64
	for _, count := range h.Counts {
		n += count
	}
	return time.Duration(h.Sum / float64(max(n, 1)) * float64(time.Second))
}
