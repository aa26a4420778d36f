package top

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// Print writes a snapshot as tables.
func Print(w io.Writer, s Snapshot) error {
	out := bufio.NewWriter(w)
	state := state{Snapshot: s}
	busy, want := s.utilisation()
	fmt.Fprintf(out, "%s: %d of %d worker processes busy\n", s.At.Local().Format(time.DateTime), busy, want) // Flush tells
	for _, p := range []page{queuesPage{}, hostsPage{}, processesPage{}, funcsPage{}, deathsPage{}} {
		fmt.Fprintf(out, "\n%s\n", p.name())
		for _, part := range p.sections(&state) {
			part.print(out)
		}
	}
	return out.Flush()
}

func (s *section) print(w io.Writer) {
	if len(s.rows) == 0 {
		fmt.Fprintln(w, "(none)")
		return
	}
	widths := s.layout(0)
	fmt.Fprintln(w, s.head(widths))
	for _, r := range s.rows {
		fmt.Fprintln(w, strings.TrimRight(s.line(r.cells, widths, nil), " "))
	}
}
