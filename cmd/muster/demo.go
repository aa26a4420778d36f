package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/internal/builtin"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const (
	demoLimit = 10_000_000 // primes below are counted
	demoChunk = 250_000    // numbers to a task while a process is killed
)

// demoChunks are chunk sizes whose costs are compared: from too few tasks for
// the processes to end together, to more tasks than pays.
var demoChunks = []int{5_000_000, 500_000, 5_000, 50}

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "See a pool at work, and heal, on this machine alone",
		Long: `Demo starts a broker and a pool, counts the primes below ten million, kills a
worker process on the way, and compares what chunk sizes cost. It takes seconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd.Context()) },
	}
}

func demo(ctx context.Context) (err error) {
	ctx, stop := untilFatal(ctx)
	defer stop()
	heal := newHealing()
	p, err := pool.Local(ctx,
		pool.WithListener(heal.listener()),
		// The listener tells of deaths; what is worse goes to stderr.
		pool.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))))
	if err != nil {
		return because(ctx, err)
	}
	defer func() {
		if cerr := p.Close(ctx); err == nil {
			err = because(ctx, cerr)
		}
	}()
	heal.pids = p.Supervisor().PIDs()
	fmt.Printf("A broker, %s and a client, all on this machine.\n\n", count(len(heal.pids), "worker process"))
	if err := demoKill(ctx, p.Client(), heal); err != nil {
		return because(ctx, err)
	}
	return because(ctx, demoChunkSizes(ctx, p.Client()))
}

// demoKill counts, and kills a worker process when a third is done.
func demoKill(ctx context.Context, c *producer.Client, heal *healing) error {
	fmt.Printf("Counting the primes below %s, %s numbers to a task:\n", thousands(demoLimit), thousands(demoChunk))
	began := time.Now()
	bar := newBar(demoLimit / demoChunk)
	primes, err := countPrimes(ctx, c, demoChunk, bar, func(done int) error {
		if done == bar.tasks/3 {
			return heal.kill(bar.say)
		}
		heal.look(bar.say)
		return nil
	})
	took := time.Since(began)
	if err != nil {
		return err
	}
	if err := heal.wait(ctx, bar.say); err != nil {
		return err
	}
	fmt.Printf("  %d primes in %.1f seconds, none lost\n\n", primes, took.Seconds())
	return nil
}

func demoChunkSizes(ctx context.Context, c *producer.Client) error {
	fmt.Println("The same with other chunk sizes:")
	var took []float64
	for _, chunk := range demoChunks {
		began := time.Now()
		bar := newBar(demoLimit / chunk)
		if _, err := countPrimes(ctx, c, chunk, bar, nil); err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds())
	}
	fastest := slices.Min(took)
	fmt.Printf("%20s %12s %12s %18s\n", "numbers to a task", "tasks", "seconds", "over the fastest")
	for i, chunk := range demoChunks {
		fmt.Printf("%20s %12s %12.2f %16.0f %%\n",
			thousands(chunk), thousands(demoLimit/chunk), took[i], 100*(took[i]/fastest-1))
	}
	return nil
}

// countPrimes counts the primes below demoLimit, and calls each, if not nil, as
// tasks are done.
func countPrimes(ctx context.Context, c *producer.Client, chunk int, bar *bar, each func(done int) error) (int, error) {
	defer bar.clear()
	ranges := func(yield func(builtin.Range) bool) {
		for from := 0; from < demoLimit; from += chunk {
			if !yield(builtin.Range{From: uint64(from), To: uint64(from + chunk)}) {
				return
			}
		}
	}
	primes, done := 0, 0
	for part, err := range producer.MapUnordered(ctx, c, builtin.CountPrimes, ranges) {
		if err != nil {
			return 0, err
		}
		primes += part.Value
		done++
		bar.add()
		if each == nil {
			continue
		}
		if err := each(done); err != nil {
			return 0, err
		}
	}
	return primes, nil
}
