package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/internal/bench"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// benchTimeout is how long the first task may take.
const benchTimeout = 10 * time.Second

func benchCommand() *cobra.Command {
	var client clientFlags
	var local, asJSON bool
	var length time.Duration
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure throughput, latency and granularity of the broker and pool at hand",
		Long: `Bench submits no-op tasks (the built-in echo) and tasks that compute (spin) to the
worker hosts of a queue, which must be those of muster worker, and prints how many
tasks a second they come to, how long one takes from submit to result, and which
share of the worker processes' time is work with tasks of 10 µs to 10 ms.

What the machines do besides shows in the figures, as does this program if it
runs on one of them.`,
		Example: `  muster bench --for 30s
  muster bench --local --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < 100*time.Millisecond {
				return usage("--for %v: the time must be 100ms or more", length)
			}
			if local && (cmd.Flags().Changed("url") || cmd.Flags().Changed("queue")) {
				return usage("--local has a broker and a queue of its own; leave out --url and --queue")
			}
			ctx, stop := untilFatal(cmd.Context())
			defer stop()
			var report bench.Report
			measure := func(c *producer.Client) (err error) {
				var watch *hostWatch
				if !local {
					watch = client.watchHosts(ctx, c, "echo", 0, reportLine)
					defer watch.close()
				}
				report, err = runBench(ctx, c, length, watch)
				return err
			}
			with := client.with
			if local {
				with = withLocal
			}
			err := with(ctx, measure)
			switch {
			case errors.Is(err, bench.ErrNobody):
				return fmt.Errorf("%w; start some with muster worker --queue %s, or try --local", err, client.queue)
			case err != nil:
				return because(ctx, err)
			case asJSON:
				return writeJSON(os.Stdout, report)
			}
			return printBench(report)
		},
	}
	client.add(cmd)
	addJSON(cmd, &asJSON)
	cmd.Flags().BoolVar(&local, "local", false, "measure a broker and a pool of its own on this machine, one process per CPU")
	cmd.Flags().DurationVar(&length, "for", 10*time.Second, "how long to measure, about")
	return cmd
}

func runBench(ctx context.Context, c *producer.Client, length time.Duration, watch *hostWatch) (bench.Report, error) {
	const steps = 100
	bar, shown := newBar(steps), 0
	defer bar.clear()
	return bench.Run(ctx, c, bench.Config{
		For: length, Patience: benchTimeout,
		Progress: func(share float64) {
			watch.hear()
			for ; float64(shown) < share*steps; shown++ {
				bar.add()
			}
		},
	})
}

// withLocal starts a broker and a pool, and stops them after do.
func withLocal(ctx context.Context, do func(*producer.Client) error) (err error) {
	p, err := pool.Local(ctx,
		pool.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Kill()) }() // nothing of value is lost
	return do(p.Client())
}

func printBench(r bench.Report) error {
	t := newTable(os.Stdout, "MEASURED", "FIGURE", "TASKS")
	perSecond := func(what string, rate bench.Rate) {
		t.row(what, thousands(int(rate.PerSecond))+" a second", thousands(rate.Tasks))
	}
	perSecond("no-op tasks, submitted one by one", r.Submit)
	perSecond("no-op tasks, by Map", r.Map)
	t.row("submit to result, median", micros(r.Latency.Median), thousands(r.Latency.Tasks))
	t.row("submit to result, 99th percentile", micros(r.Latency.P99), thousands(r.Latency.Tasks))
	for _, l := range r.Spin {
		t.row("work with tasks of "+micros(l.Microseconds), fmt.Sprintf("%.1f %%", 100*l.Efficiency), thousands(l.Tasks))
	}
	t.row("worker processes that took part", thousands(r.Processes), "")
	return t.flush()
}

// micros returns a time in its unit.
func micros(us float64) string {
	if us >= 1000 {
		return fmt.Sprintf("%.4g ms", us/1000)
	}
	return fmt.Sprintf("%.4g µs", us)
}
