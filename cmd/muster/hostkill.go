package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

func hostKillCommand() *cobra.Command {
	var to operator
	var agreed consent
	cmd := &cobra.Command{
		Use:   "kill HOST PID",
		Short: "Kill a worker process",
		Long: `Kill kills a host's worker process, with all that it has started. The task that it
runs is charged an attempt, and another process takes its place. ` + aboutHosts + "\n\n" + aboutConsent,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			pid, err := strconv.Atoi(args[1])
			if err != nil || pid < 1 {
				return usage("%.40s is not a process id", args[1])
			}
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				return killProcess(cmd.Context(), f, args[0], pid, agreed)
			})
		},
	}
	to.add(cmd)
	agreed.add(cmd)
	return cmd
}

func killProcess(ctx context.Context, f *fleet.Fleet, name string, pid int, agreed consent) error {
	host, err := f.Host(ctx, name)
	if err != nil {
		return err
	}
	err = agreed.get(ctx, "kill worker process %d of host %s, which runs %s", pid, printable(host.Host), printable(runs(host, pid)))
	if err != nil {
		return err
	}
	return f.KillProcess(ctx, host.ID, pid)
}

// runs tells what a process runs.
func runs(host codec.HostStatus, pid int) string {
	for _, p := range host.Processes {
		if p.PID == pid && p.Task != "" {
			return p.Func
		}
	}
	return "nothing"
}
