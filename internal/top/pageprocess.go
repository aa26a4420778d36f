package top

import (
	"fmt"
	"strconv"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/text"
)

// processPage shows one worker process, its task, and how those before it at its
// place died.
type processPage struct {
	host  string // its id
	place int
}

func (p processPage) name() string { return fmt.Sprintf("process %d of host %s", p.place, p.host) }

func (p processPage) find(s *state) (Host, codec.ProcessStatus, bool) {
	h, _ := s.host(p.host)
	for _, process := range h.Processes {
		if process.Place == p.place {
			return h, process, true
		}
	}
	return h, codec.ProcessStatus{}, false
}

func (p processPage) target(s *state) target {
	h, process, _ := p.find(s)
	to := h.target()
	to.pid = process.PID
	return to
}

func (p processPage) sections(s *state) []section {
	h, process, ok := p.find(s)
	if !ok {
		return []section{lines("", "This process is gone.")}
	}
	up := ""
	if !process.Started.IsZero() {
		up = ", since " + text.Age(process.Started, h.Sent)
	}
	task := facts(
		"process", fmt.Sprintf("%s on host %s, %s%s", pidText(process.PID), h.Host, processState(h, process).text, up),
		"func", process.Func,
		"task", process.Task,
		"elapsed", elapsed(s, h, process).text,
		"memory", memoryOf(h, process).text,
		"tasks", fmt.Sprintf("%s finished, %s at hand", text.Thousands(process.Tasks), text.Count(process.Held, "delivery")),
	)
	sections := []section{task}
	if process.Died != nil {
		sections = append(sections, deathSections("The process before it", *process.Died)...)
	}
	t := deathTable(s, func(host string, d codec.ProcessDeath) bool { return host == p.host && d.Place == p.place })
	t.title = "Deaths at place " + strconv.Itoa(p.place)
	return append(sections, t)
}
