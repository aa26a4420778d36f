package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// mark is what was set as a goal.
type mark struct {
	what   string
	goal   float64
	unit   string
	higher bool // the goal is the least, not the most
	digits int
	got    func(r work.Results) []work.Sample
}

var marks = []mark{
	{"no-op tasks", 1_500_000, "a second", true, 0, figure("noop", "tasks/s", "")},
	{"no-op tasks against NATS request/reply", 4, "times", true, 2, times("noop", "tasks/s", "nats")},
	{"no-op tasks against ProcessPoolExecutor", 200, "times", true, 0, times("noop", "tasks/s", "python")},
	{"no-op tasks against asynq", 150, "times", true, 0, times("noop", "tasks/s", "asynq")},
	{"no-op tasks against River", 100, "times", true, 0, times("noop", "tasks/s", "river")},
	{"median latency against NATS request/reply", 1.5, "times", false, 2, times("latency", "median µs", "nats")},
	{"length of task with half of ideal work", 3, "µs", false, 1, func(r work.Results) []work.Sample {
		return r.Granularity(self)
	}},
	{"tasks of 1 ms", 0.95, "of ideal", true, 3, figure("spin", "efficiency", "1ms")},
	{"tasks of 10 ms", 0.99, "of ideal", true, 3, figure("spin", "efficiency", "10ms")},
	{"Map over integers", 5_000_000, "a second", true, 0, figure("map", "items/s", "")},
	{"pending future", 200, "bytes", false, 0, figure("pending", "bytes per pending future", "1 M")},
	{"cost of a task beside 1 M futures against 10 k", 1.15, "times", false, 2, points("pending", "1 M", "10 k")},
	{"cost of a task among 100 k against 10 k", 1.15, "times", false, 2, points("growth", "100 k", "10 k")},
	{"cost of a task among 1 M against 100 k", 1.15, "times", false, 2, points("growth", "1 M", "100 k")},
	{"eight tasks of 1 s on two processes", 4.2, "s", false, 2, figure("long", "seconds", "")},
	{"busy of 200 worker processes", 190, "processes", true, 1, figure("processes", "busy", "200 workers")},
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

// writeMarks writes the marks that the measured work has to do with.
func writeMarks(out *strings.Builder, r work.Results) {
	fmt.Fprint(out, "\n### Marks\n\n| what | mark | measured | |\n|---|---:|---:|---|\n")
	for _, m := range marks {
		s := work.Summarize(m.got(r))
		bound := "at most"
		if m.higher {
			bound = "at least"
		}
		fmt.Fprintf(out, "| %s | %s %s %s | %s | %s |\n", m.what, bound,
			number(m.goal, goalDigits(m.goal)), m.unit, spread(s, m.digits), m.verdict(s.Median))
	}
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
