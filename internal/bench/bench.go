// Package bench measures what a broker and the pool behind it come to: how many
// tasks a second, how long one takes from submit to result, and how short tasks
// may be before handing them around costs more than they do.
//
// It uses the built-in funcs of the muster command, which the worker hosts must
// offer. Whatever else these and the broker do meanwhile shows in the figures.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/builtin"
	"github.com/musterfleet/muster/producer"
)

// ErrNobody is wrapped when no worker process has run the first task in time.
var ErrNobody = errors.New("no worker process runs the tasks of this queue")

// Config says how to measure.
type Config struct {
	// For is how long measuring takes, about: where the pool is slow it may be
	// twice as long, but for a first task that finds nobody.
	For time.Duration
	// Patience is how long the first task may take.
	Patience time.Duration
	// Progress is told how much is done, from 0 to 1, by the goroutine that
	// measures. It may be nil.
	Progress func(share float64)
}

// Report is what was measured. It is encoded as JSON for scripts.
type Report struct {
	Processes int      `json:"processes"` // that ran spinning tasks
	Submit    Rate     `json:"submit"`    // no-op tasks submitted one by one
	Map       Rate     `json:"map"`       // no-op tasks of one Map
	Latency   Latency  `json:"latency"`
	Spin      []Length `json:"spin"`
}

// Rate is how many tasks were done a second.
type Rate struct {
	Tasks     int     `json:"tasks"`
	PerSecond float64 `json:"per_second"`
}

// Latency is the time from submit to result, each task submitted when the one
// before it was done.
type Latency struct {
	Tasks  int     `json:"tasks"`
	Median float64 `json:"median_us"`
	P99    float64 `json:"p99_us"`
}

// Length is how much of the processes' time was work, with tasks of one length.
type Length struct {
	Microseconds float64 `json:"task_us"`
	Tasks        int     `json:"tasks"`
	Efficiency   float64 `json:"efficiency"` // 1: processes × time
}

// lengths are those of spinning tasks.
var lengths = []time.Duration{10 * time.Microsecond, 100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond}

// noop is the built-in echo, of numbers.
var noop = codec.NewFunc[int, int]("echo")

// measuring is one run.
type measuring struct {
	Config
	client *producer.Client
	share  time.Duration // of each part
	parts  int           // done
	seen   map[uint64]struct{}
	report Report
}

// Run measures with a client, by tasks to its queue, which it has for itself as
// long as this takes. Its error wraps [ErrNobody], or is that of a task, or
// ctx's; then the tasks that have not started are cancelled.
func Run(ctx context.Context, c *producer.Client, cfg Config) (Report, error) {
	m := &measuring{Config: cfg, client: c, seen: map[uint64]struct{}{}}
	all := []func(context.Context) error{m.submit, m.mapping, m.latency}
	for _, length := range lengths {
		all = append(all, func(ctx context.Context) error { return m.spin(ctx, length) })
	}
	m.share = cfg.For / time.Duration(len(all))
	err := m.first(ctx)
	for _, part := range all {
		if err == nil {
			err = part(ctx)
			m.parts++
			m.progress(0)
		}
	}
	if err != nil {
		_, cancelErr := c.CancelPending(context.WithoutCancel(ctx))
		return Report{}, errors.Join(err, cancelErr)
	}
	m.efficiencies()
	return m.report, nil
}

// first waits for one task of each func, so that everything is set up, and finds
// out whether anybody runs them.
func (m *measuring) first(ctx context.Context) error {
	bounded, cancel := context.WithTimeoutCause(ctx, m.Patience, ErrNobody)
	defer cancel()
	_, err := result(bounded, m.client, noop, 0)
	if err == nil {
		_, err = result(bounded, m.client, builtin.Spin, time.Microsecond.Seconds())
	}
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return fmt.Errorf("%w: nothing for %v", ErrNobody, m.Patience)
	}
	return err
}

func result[A, R any](ctx context.Context, c *producer.Client, f codec.Func[A, R], arg A) (R, error) {
	future, err := producer.Submit(ctx, c, f, arg)
	if err != nil {
		var none R
		return none, err
	}
	return future.Result(ctx)
}

// progress tells how much is done, with a share of the current part.
func (m *measuring) progress(part float64) {
	if m.Progress != nil {
		m.Progress(min(1, (float64(m.parts)+part)/float64(3+len(lengths))))
	}
}
