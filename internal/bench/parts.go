package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterfleet/muster/internal/builtin"
	"github.com/musterfleet/muster/producer"
)

// submit submits no-op tasks one by one.
func (m *measuring) submit(ctx context.Context) error {
	tasks, took, err := flow(ctx, m, noop, 1, func(int) {})
	m.report.Submit = rate(tasks, took)
	return part("submitting no-op tasks", err)
}

// mapping maps over numbers until the time is over.
func (m *measuring) mapping(ctx context.Context) error {
	began := time.Now()
	numbers := func(yield func(int) bool) {
		for n := 0; n%lookEvery != 0 || !m.over(began); n++ {
			if !yield(n) {
				return
			}
		}
	}
	tasks := 0
	for _, err := range producer.Map(ctx, m.client, noop, numbers) {
		if err != nil {
			return part("mapping no-op tasks", err)
		}
		tasks++
	}
	m.report.Map = rate(tasks, time.Since(began))
	return nil
}

// latency submits a task when the one before it is done.
func (m *measuring) latency(ctx context.Context) error {
	var each []time.Duration
	for began := time.Now(); len(each) == 0 || !m.over(began); {
		start := time.Now()
		if _, err := result(ctx, m.client, noop, 1); err != nil {
			return part("submitting tasks one after the other", err)
		}
		each = append(each, time.Since(start))
	}
	slices.Sort(each)
	at := func(share float64) float64 { return microseconds(each[int(share*float64(len(each)-1))]) }
	m.report.Latency = Latency{Tasks: len(each), Median: at(0.5), P99: at(0.99)}
	return nil
}

// spin submits tasks that compute. Efficiency is in processes until all that
// take part are known.
func (m *measuring) spin(ctx context.Context, length time.Duration) error {
	tasks, took, err := flow(ctx, m, builtin.Spin, length.Seconds(), func(process uint64) { m.seen[process] = struct{}{} })
	if err != nil {
		return part(fmt.Sprintf("submitting tasks of %v", length), err)
	}
	m.report.Spin = append(m.report.Spin, Length{
		Microseconds: microseconds(length), Tasks: tasks,
		Efficiency: float64(tasks) * float64(length) / float64(took),
	})
	return nil
}

// efficiencies makes processes into shares of them.
func (m *measuring) efficiencies() {
	m.report.Processes = len(m.seen)
	for i := range m.report.Spin {
		m.report.Spin[i].Efficiency /= float64(len(m.seen))
	}
}

func part(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func rate(tasks int, took time.Duration) Rate {
	return Rate{Tasks: tasks, PerSecond: float64(tasks) / took.Seconds()}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
