package top

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/text"
)

// funcsPage lists the funcs that were run.
type funcsPage struct{}

func (funcsPage) name() string         { return "Funcs" }
func (funcsPage) target(*state) target { return target{} }

func (funcsPage) sections(s *state) []section {
	t := section{columns: []column{
		{title: "FUNC", least: 10}, {title: "TASKS/S", right: true}, {title: "FAILED/S", right: true, rank: 3}, {title: "RUNNING", right: true, rank: 4},
		{title: "ATTEMPTS", right: true, rank: 5}, {title: "FAILED", right: true}, {title: "RUN P50", right: true, rank: 1},
		{title: "RUN P99", right: true, rank: 1}, {title: "WAIT P50", right: true, rank: 2}, {title: "WAIT P99", right: true, rank: 2},
	}}
	for _, f := range s.Funcs {
		failed, rate := number(f.failed()), perSecond(f.FailedPerSecond)
		if f.FailedPerSecond > 0 {
			failed.tone, rate.tone = bad, bad
		}
		t.rows = append(t.rows, row{
			id: f.Name, open: func() page { return funcPage(f.Name) },
			cells: []cell{
				word(f.Name), perSecond(f.TasksPerSecond), rate, number(f.Running), number(f.Attempts), failed,
				quantile(f.Run.P50), quantile(f.Run.P99), quantile(f.Wait.P50), quantile(f.Wait.P99),
			},
		})
	}
	return []section{t}
}

// funcPage shows one func: how long it runs and waits, and how it fails.
type funcPage string

func (p funcPage) name() string         { return "func " + string(p) }
func (p funcPage) target(*state) target { return target{} }

func (p funcPage) sections(s *state) []section {
	for _, f := range s.Funcs {
		if f.Name == string(p) {
			return p.about(&f)
		}
	}
	return []section{lines("", "No host tells of this func now.")}
}

func (p funcPage) about(f *Func) []section {
	var failures []string
	for _, code := range slices.Sorted(maps.Keys(f.Failed)) {
		failures = append(failures, fmt.Sprintf("%s %s", code, text.Thousands(f.Failed[code])))
	}
	about := facts(
		"func", f.Name,
		"attempts", fmt.Sprintf("%s, %s a second, %d running", text.Thousands(f.Attempts), perSecond(f.TasksPerSecond).text, f.Running),
		"failures", strings.Join(failures, ", "),
		"run", quantiles(f.Run),
		"wait", quantiles(f.Wait),
	)
	t := section{title: "How long", fixed: true, columns: []column{
		{title: "UP TO", right: true}, {title: "RUN", right: true}, {title: "", least: 4}, {title: "WAIT", right: true}, {title: "", least: 4},
	}}
	var most uint64
	for i := range f.Run.Counts {
		most = max(most, f.Run.Counts[i], f.Wait.Counts[i])
	}
	for i, run := range f.Run.Counts {
		bound := "longer"
		if i < len(codec.HistogramBounds) {
			bound = length(codec.HistogramBounds[i])
		}
		wait := f.Wait.Counts[i]
		t.rows = append(t.rows, row{id: "bound" + bound, cells: []cell{
			word(bound), number(run), word(fill(run, most, 20)), number(wait), word(fill(wait, most, 20)),
		}})
	}
	return []section{about, t}
}

func quantiles(d Durations) string {
	mean := "-"
	if n := d.count(); n > 0 {
		mean = length(seconds(d.Sum / float64(n)))
	}
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, mean %s", bounded(d.P50), bounded(d.P90), bounded(d.P99), mean)
}
