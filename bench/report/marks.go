package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// mark is what was set as a goal.
type mark struct {
	work   string // that it is taken from
	what   string
	goal   float64
	unit   string
	higher bool // the goal is the least, not the most
	digits int
	got    func(r work.Results) []work.Sample
}

var marks = []mark{
	{"noop", "no-op tasks", 1_500_000, "a second", true, 0, figure("noop", "tasks/s", "")},
	{"noop", "no-op tasks against NATS request/reply", 4, "times", true, 2, times("noop", "tasks/s", "nats")},
	{"noop", "no-op tasks against ProcessPoolExecutor", 200, "times", true, 0, times("noop", "tasks/s", "python")},
	{"noop", "no-op tasks against asynq", 150, "times", true, 0, times("noop", "tasks/s", "asynq")},
	{"noop", "no-op tasks against River", 100, "times", true, 0, times("noop", "tasks/s", "river")},
	{"latency", "median latency against NATS request/reply", 1.5, "times", false, 2, times("latency", "median µs", "nats")},
	{"spin", "length of task with half of ideal work", 3, "µs", false, 1, func(r work.Results) []work.Sample {
		return r.Granularity(self)
	}},
	{"spin", "tasks of 1 ms", 0.95, "of ideal", true, 3, figure("spin", "efficiency", "1ms")},
	{"spin", "tasks of 10 ms", 0.99, "of ideal", true, 3, figure("spin", "efficiency", "10ms")},
	{"map", "Map over integers", 5_000_000, "a second", true, 0, figure("map", "items/s", "")},
	{"pending", "pending future", 200, "bytes", false, 0, figure("pending", "bytes per pending future", "1 M")},
	{"pending", "cost of a task beside 1 M futures against 10 k", 1.15, "times", false, 2, points("pending", "1 M", "10 k")},
	{"growth", "cost of a task among 100 k against 10 k", 1.15, "times", false, 2, points("growth", "100 k", "10 k")},
	{"growth", "cost of a task among 1 M against 100 k", 1.15, "times", false, 2, points("growth", "1 M", "100 k")},
	{"long", "eight tasks of 1 s on two processes", 4.2, "s", false, 2, figure("long", "seconds", "eight")},
	{"long", "last of 2,000 no-ops about a task of 1 s", 100, "ms", false, 1,
		figure("long", "ms to the last no-op", "among 2,000 no-ops")},
	{"processes", "busy of 200 worker processes", 190, "processes", true, 1, figure("processes", "busy", "200 workers")},
	{"idle", "CPU of an idle host", 1, "%", false, 2, figure("idle", "CPU %", "")},
	{"idle", "memory of an idle supervisor", 25, "MB", false, 1, figure("idle", "MB of the first process", "")},
	{"idle", "memory of an idle worker process", 25, "MB", false, 1, figure("idle", "MB of the largest below it", "")},
}

// figure is one of this project's.
func figure(kind, metric, point string) func(work.Results) []work.Sample {
	return func(r work.Results) []work.Sample { return r.Find(kind, metric, point, self) }
}

// times divides this project's figure by a peer's.
func times(kind, metric, peer string) func(work.Results) []work.Sample {
	return func(r work.Results) []work.Sample {
		return work.Ratio(r.Find(kind, metric, "", self), r.Find(kind, metric, "", peer))
	}
}

// points divides this project's cost at one point by that at another.
func points(kind, above, below string) func(work.Results) []work.Sample {
	return func(r work.Results) []work.Sample {
		const cost = "µs per task"
		return work.Ratio(r.Find(kind, cost, above, self), r.Find(kind, cost, below, self))
	}
}

// verdict says that the mark is reached, or how far it is.
func (m mark) verdict(median float64) string {
	switch {
	case math.IsNaN(median):
		return "not measured"
	case m.higher && median >= m.goal, !m.higher && median <= m.goal:
		return "reached"
	case m.higher:
		return fmt.Sprintf("%.2f of the mark", median/m.goal)
	default:
		return fmt.Sprintf("%.2f times the mark", median/m.goal)
	}
}

// goalText returns the mark in words.
func (m mark) goalText() string {
	bound := "at most"
	if m.higher {
		bound = "at least"
	}
	return fmt.Sprintf("%s %s %s", bound, Number(m.goal, goalDigits(m.goal)), m.unit)
}

// writeMarks writes all marks, those that nothing was measured of included.
func writeMarks(out *strings.Builder, r work.Results) {
	fmt.Fprint(out, "\n### Marks\n\n| what | mark | measured | |\n|---|---:|---:|---|\n")
	for _, m := range marks {
		s := work.Summarize(m.got(r))
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", m.what, m.goalText(), spread(s, m.digits), m.verdict(s.Median))
	}
}

// Verdicts returns a line for each mark of a kind of work, with what was measured.
func Verdicts(r work.Results, kind string) []string {
	var lines []string
	for _, m := range marks {
		if m.work == kind {
			s := work.Summarize(m.got(r))
			lines = append(lines, fmt.Sprintf("%s: %s, mark %s: %s", m.what, spread(s, m.digits), m.goalText(), m.verdict(s.Median)))
		}
	}
	return lines
}

func goalDigits(goal float64) int {
	switch {
	case goal == math.Trunc(goal):
		return 0
	case goal*10 == math.Trunc(goal*10):
		return 1
	}
	return 2
}
