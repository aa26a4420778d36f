package top

import (
	"strconv"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/text"
)

// processesPage lists the worker processes of all hosts.
type processesPage struct{}

func (processesPage) name() string         { return "Processes" }
func (processesPage) target(*state) target { return target{} }

func (processesPage) sections(s *state) []section { return []section{processTable(s, "")} }

// processTable lists the worker processes of a host, or of all if it is "".
func processTable(s *state, host string) section {
	t := section{columns: []column{
		{title: "PID", right: true}, {title: "STATE"}, {title: "FUNC", least: 8}, {title: "ELAPSED", right: true},
		{title: "TASK", least: 10, rank: 5}, {title: "MEMORY", right: true, rank: 1}, {title: "TASKS", right: true, rank: 4},
		{title: "HOST", least: 6, rank: 2}, {title: "LAST DEATH", least: 15, rank: 3},
	}}
	for _, h := range s.Hosts {
		if host != "" && h.ID != host || host == "" && h.State == codec.HostStopped {
			continue
		}
		for _, p := range h.Processes {
			to := h.target()
			to.pid = p.PID
			t.rows = append(t.rows, row{
				id: h.ID + strconv.Itoa(p.Place), to: to, open: func() page { return processPage{h.ID, p.Place} },
				cells: []cell{
					sized(pidText(p.PID), -float64(p.PID)), processState(h, p), word(dash(p.Func)), elapsed(s, h, p), word(dash(p.Task)),
					memoryOf(h, p), number(p.Tasks), word(h.Host), lastDeath(p.Died),
				},
			})
		}
	}
	return t
}

func processState(h Host, p codec.ProcessStatus) cell {
	switch {
	case h.Lost:
		return toned("lost", bad)
	case p.State == codec.ProcessBusy:
		return toned(string(p.State), good)
	case p.State == codec.ProcessBackoff, p.State == codec.ProcessDown:
		return toned(string(p.State), bad)
	case p.State == codec.ProcessIdle, p.State == codec.ProcessDormant:
		return toned(string(p.State), faint)
	}
	return toned(string(p.State), warn)
}

// elapsed tells how long a process has run its task, of how long it may.
func elapsed(s *state, h Host, p codec.ProcessStatus) cell {
	if p.Task == "" {
		return word("-")
	}
	d := h.Sent.Sub(p.Since)
	if h.there() && d > time.Second { // a short one has ended since
		d += max(s.At.Sub(h.Seen), 0)
	}
	if p.Limit.IsZero() {
		return lasting(d)
	}
	limit := p.Limit.Sub(p.Since)
	return cell{length(d) + " of " + length(limit), d.Seconds(), nearness(d.Seconds(), limit.Seconds())}
}

func memoryOf(h Host, p codec.ProcessStatus) cell {
	c := bytesCell(p.Memory)
	if h.MemoryLimit > 0 {
		c.text += " of " + text.Bytes(uint64(h.MemoryLimit))
		c.tone = nearness(float64(p.Memory), float64(h.MemoryLimit))
	}
	return c
}

// nearness is the tone of what nears its limit.
func nearness(is, limit float64) tone {
	switch {
	case is >= limit*0.9:
		return bad
	case is >= limit*0.7:
		return warn
	}
	return plain
}

func lastDeath(d *codec.ProcessDeath) cell {
	if d == nil {
		return word("-")
	}
	return cell{string(d.Cause) + " " + d.At.Local().Format(time.TimeOnly), float64(d.At.Unix()), warn}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func pidText(pid int) string {
	if pid == 0 {
		return "-"
	}
	return strconv.Itoa(pid)
}
