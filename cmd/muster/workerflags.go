package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/pool"
)

// addHostFlags adds the flags that say how long worker processes stay, what they
// may use, and how the host is steered.
func addHostFlags(cmd *cobra.Command, cfg *pool.Config) {
	flags := cmd.Flags()
	flags.StringVar(&cfg.Host, "host", "", "`NAME` of this host in errors and lists; the machine's by default")
	flags.IntVar(&cfg.MaxTasks, "max-tasks", 0, "replace a worker process after so many tasks")
	flags.Var((*byteCount)(&cfg.MaxMemory), "max-memory", "replace a worker process above this much memory, when its task has ended")
	flags.Var((*byteCount)(&cfg.MemoryLimit), "memory-limit",
		"kill a worker process, with what it has started, above this much memory; its task is charged")
	flags.Var((*byteCount)(&cfg.MaxValue), "max-value", "largest argument or result")
	flags.DurationVar(&cfg.IdleTimeout, "idle-timeout", 0, "have a worker process leave after so long without a task; one comes back with work")
	flags.DurationVar(&cfg.DrainTimeout, "drain-timeout", 0, "put back tasks that still run so long after a drain began; by default they may finish")
	flags.BoolVar(&cfg.ForbidClient, "forbid-client", false, "let no task of this host submit tasks")
	flags.StringVar(&cfg.ControlSocket, "control", "", "`PATH` of a Unix socket at which to ask the host, as docs/protocol.md says")
}
