package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func queuePurgeCommand() *cobra.Command {
	var to operator
	var agreed consent
	cmd := &cobra.Command{
		Use:   "purge NAME",
		Short: "Cancel the tasks that wait in a queue",
		Long: `Purge cancels the tasks of a queue that wait, those that are delayed and those
that are to be retried; their callers are told. What a host has at hand stays:
hosts are asked not to begin it.

` + aboutConsent,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				return purge(cmd.Context(), f, args[0], agreed)
			})
		},
	}
	to.add(cmd)
	agreed.add(cmd)
	return cmd
}

func purge(ctx context.Context, f *fleet.Fleet, name string, agreed consent) error {
	if !agreed.yes {
		q, err := f.Queue(ctx, name)
		if err != nil {
			return err
		}
		err = agreed.get(ctx, "cancel %s and %s of queue %s",
			count(int(q.Waiting), "waiting message"), count(q.Scheduled, "scheduled task"), name)
		if err != nil {
			return err
		}
	}
	n, err := f.Purge(ctx, name)
	if err == nil || n > 0 {
		fmt.Fprintln(os.Stdout, count(n, "task"), "purged")
	}
	return err
}
