package top

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/musterfleet/muster/codec"
)

// deathsPage lists the latest deaths of worker processes, and counts those within
// a minute by cause.
type deathsPage struct{}

func (deathsPage) name() string         { return "Deaths" }
func (deathsPage) target(*state) target { return target{} }

func (deathsPage) sections(s *state) []section {
	t := section{title: "By cause", fixed: true, columns: []column{{title: "CAUSE"}, {title: "LAST MINUTE", right: true}, {title: "IN ALL", right: true}}}
	all := map[codec.Cause]int{}
	for _, h := range s.Hosts {
		for cause, n := range h.Deaths {
			all[cause] += int(n)
		}
	}
	for _, cause := range slices.Sorted(maps.Keys(all)) {
		lately := number(s.Deaths[cause])
		if s.Deaths[cause] > 0 {
			lately.tone = bad
		}
		t.rows = append(t.rows, row{id: "cause " + string(cause), cells: []cell{word(string(cause)), lately, number(all[cause])}})
	}
	latest := deathTable(s, func(string, codec.ProcessDeath) bool { return true })
	latest.title = "Latest"
	return []section{t, latest}
}

// deathTable lists deaths that hosts tell of, the latest first.
func deathTable(s *state, listed func(host string, d codec.ProcessDeath) bool) section {
	t := section{columns: []column{
		{title: "AT"}, {title: "CAUSE"}, {title: "FUNC", least: 8}, {title: "HOST", least: 6, rank: 2}, {title: "PID", right: true, rank: 3},
		{title: "TASK", least: 10, rank: 4}, {title: "HOW", least: 12, rank: 1},
	}}
	for _, h := range s.Hosts {
		for _, d := range h.Latest {
			if !listed(h.ID, d) {
				continue
			}
			t.rows = append(t.rows, row{
				id: fmt.Sprint(h.ID, d.PID, d.At.UnixNano()), to: h.target(), open: func() page { return deathPage{h.ID, d} },
				cells: []cell{
					sized(d.At.Local().Format(time.TimeOnly), float64(d.At.UnixNano())), toned(string(d.Cause), bad), word(dash(d.Func)),
					word(h.Host), sized(pidText(d.PID), -float64(d.PID)), word(dash(d.Task)), word(d.Text),
				},
			})
		}
	}
	slices.SortStableFunc(t.rows, func(a, b row) int { return cmp.Compare(b.cells[0].by, a.cells[0].by) })
	return t
}

// deathPage shows one death, with the process's last words.
type deathPage struct {
	host  string // its id
	death codec.ProcessDeath
}

func (p deathPage) name() string { return "death of process " + pidText(p.death.PID) }

func (p deathPage) target(s *state) target {
	h, _ := s.host(p.host)
	return h.target()
}

func (p deathPage) sections(*state) []section { return deathSections("", p.death) }

func deathSections(title string, d codec.ProcessDeath) []section {
	about := facts(
		"process", pidText(d.PID),
		"died", d.At.Local().Format(time.DateTime),
		"cause", string(d.Cause)+": "+d.Text,
		"func", d.Func,
		"task", d.Task,
	)
	about.title = title
	for i := range about.rows {
		about.rows[i].id = title + about.rows[i].id
	}
	words := strings.TrimSpace(d.Stderr)
	if words == "" {
		words = "(nothing)"
	}
	return []section{about, lines("Its stderr ends", words)}
}
