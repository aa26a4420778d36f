package top

import (
	"fmt"
	"strings"

	"github.com/musterfleet/muster/internal/text"
)

// hostPage shows one host and its processes; it is the host's id.
type hostPage string

func (p hostPage) name() string { return "host " + string(p) }

func (p hostPage) target(s *state) target {
	h, _ := s.host(string(p))
	return h.target()
}

func (p hostPage) sections(s *state) []section {
	h, ok := s.host(string(p))
	if !ok {
		return []section{lines("", "This host is gone.")}
	}
	limit := "none"
	if h.MemoryLimit > 0 {
		limit = text.Bytes(uint64(h.MemoryLimit)) + " a process"
	}
	about := facts(
		"host", fmt.Sprintf("%s, %s since %s ago, heard of %s ago", h.Host, h.condition().text, text.Age(h.Started, h.Sent), text.Age(h.Seen, s.At)),
		"processes", fmt.Sprintf("%d of %d busy, on %s", h.busy(), h.Want, text.Count(h.CPUs, "CPU")),
		"memory", text.Bytes(h.memory())+", limit "+limit,
		"program", fmt.Sprintf("version %s, supervisor %d, queue %s", h.Version, h.PID, h.QueueText()),
		"funcs", strings.Join(h.Funcs, ", "),
	)
	processes := processTable(s, string(p))
	processes.title = "Processes"
	return []section{about, processes}
}
