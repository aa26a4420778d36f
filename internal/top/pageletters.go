package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/text"
)

// lettersPage lists the dead letters of all queues.
type lettersPage struct{}

func (lettersPage) name() string         { return "Dead" }
func (lettersPage) target(*state) target { return target{} }
func (lettersPage) letters() string      { return "" }

func (lettersPage) sections(s *state) []section { return []section{letterTable(s, "")} }

// letterTable lists what was read of a queue's dead letters.
func letterTable(s *state, queue string) section {
	t := section{columns: []column{
		{title: "TASK", least: 10}, {title: "GIVEN UP", right: true}, {title: "FUNC", least: 8}, {title: "CODE", rank: 1},
		{title: "QUEUE", rank: 3, least: 7}, {title: "CAUSE", least: 12, rank: 2},
	}, title: "Dead letters"}
	if s.letters.queue != queue {
		return t
	}
	if s.letters.more {
		t.title = fmt.Sprintf("Dead letters: the oldest %d", len(s.letters.list))
	}
	for _, l := range s.letters.list {
		given := word("-")
		if !l.At.IsZero() {
			given = sized(text.Age(l.At, s.At)+" ago", float64(l.At.Unix()))
		}
		t.rows = append(t.rows, row{
			id: l.ID, to: target{letter: l.ID, queue: l.Queue}, open: func() page { return letterPage(l) },
			cells: []cell{
				word(l.ID), given, word(dash(l.Func)), toned(string(l.Cause.Code), bad), word(l.Queue), word(text.Short(l.Cause.Error, 120)),
			},
		})
	}
	return t
}

// letterPage shows one dead letter.
type letterPage fleet.DeadLetter

func (p letterPage) name() string         { return "dead letter " + p.ID }
func (p letterPage) target(*state) target { return target{letter: p.ID, queue: p.Queue} }

func (p letterPage) sections(s *state) []section {
	process := ""
	if p.Cause.Host != "" {
		process = fmt.Sprintf("%d on host %s", p.Cause.PID, p.Cause.Host)
	}
	cause, _, _ := strings.Cut(p.Cause.Error, "\n")
	sections := []section{facts(
		"task", p.ID,
		"queue", p.Queue,
		"func", p.Func,
		"given up", p.At.Local().Format(time.DateTime)+", "+text.Age(p.At, s.At)+" ago",
		"attempts", fmt.Sprintf("%d with a crash, %d with an error", p.Crashes, p.Errors),
		"process", process,
		"cause", cause,
	)}
	if p.Cause.Stderr != "" {
		sections = append(sections, lines("Its stderr ends", p.Cause.Stderr))
	}
	if p.Cause.Stack != "" {
		sections = append(sections, lines("Stack", p.Cause.Stack))
	}
	return sections
}
