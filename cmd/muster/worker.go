package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func workerCommand() *cobra.Command {
	var cfg pool.Config
	var at connection
	var exec execFlags
	var watch watchFlags
	var queue string
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run a worker host: a supervisor and its worker processes",
		Long: `Worker runs worker processes with the built-in funcs: is_prime, count_primes,
echo, sleep and sha256, and spin for muster bench.

SIGTERM, or SIGINT once, drains: running tasks finish, others are left to other
hosts. A second SIGINT kills. SIGHUP rolls to the program that is at this one's file
now, in the same process. SIGTTIN adds a worker process, SIGTTOU removes one.

A host may serve several queues. With --queue a,b what waits in a goes before what
waits in b; with --queue a=3,b it starts three tasks of a for each of b, while both
have some.

With --exec and --exec-server commands are funcs as well. No shell is involved:
a command is split into words when the host starts, and its argument is one word,
or part of one, whatever it holds. docs/exec.md tells all.`,
		Example: `  muster worker --exec 'hash=sha256sum {}' --exec 'thumb,bytes=convert {} -resize 200 jpg:-'
  muster worker --exec 'sort,stdin=sort -u' --exec-server 'score=python3 score.py'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			becomeService()
			if cfg.Processes < 1 {
				return usage("--processes %d: the number must be 1 or more", cfg.Processes)
			}
			if err := at.read(); err != nil {
				return err
			}
			queues, err := pool.ParseQueues(queue)
			if err != nil {
				return usage("--queue: %s", strings.TrimPrefix(err.Error(), pool.ErrConfig.Error()+": "))
			}
			cfg.Queues = queues
			if err := exec.apply(&cfg); err != nil {
				return err
			}
			cfg.URL, cfg.Credentials = at.url, at.who
			stop, err := watch.apply(cmd.Context(), &cfg)
			if err != nil {
				return err
			}
			defer stop()
			return work(cmd.Context(), cfg)
		},
	}
	at.add(cmd)
	exec.add(cmd)
	// The runtime's default takes affinity and the cgroup's limit into account.
	cmd.Flags().IntVar(&cfg.Processes, "processes", runtime.GOMAXPROCS(0), "number of worker processes; by default as many as usable CPUs")
	cmd.Flags().StringVar(&queue, "queue", producer.DefaultQueue,
		"queues to pull tasks from: a, or a,b in strict order, or a=3,b by weight")
	addHostFlags(cmd, &cfg)
	watch.add(cmd)
	return cmd
}

func work(ctx context.Context, cfg pool.Config) error {
	r := roll{want: cfg.Processes}
	cfg.Listener = pool.Listener{
		Ready: func(pid int) {
			if pids := r.enter(pid); pids != nil {
				report("muster: %s ready on queue %s: pid %s", count(len(pids), "worker process"), codec.FormatQueues(cfg.Queues), join(pids))
			}
		},
		Died: func(death pool.Death) { r.leave(death.PID) },
	}
	err := pool.Run(ctx, cfg)
	if ctx.Err() != nil {
		return nil // it was told to end, be it before it was ready
	}
	return err
}

// roll tells when all worker processes are ready for the first time.
type roll struct {
	mu   sync.Mutex
	want int // 0 once told
	pids []int
}

// enter returns the pids when they are complete, and nil otherwise.
func (r *roll) enter(pid int) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.want == 0 {
		return nil
	}
	if r.pids = append(r.pids, pid); len(r.pids) < r.want {
		return nil
	}
	r.want = 0
	slices.Sort(r.pids)
	return r.pids
}

func (r *roll) leave(pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pids = slices.DeleteFunc(r.pids, func(p int) bool { return p == pid })
}

func join(pids []int) string { return strings.Trim(fmt.Sprint(pids), "[]") }
