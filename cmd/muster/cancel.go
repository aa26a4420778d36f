package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func cancelCommand() *cobra.Command {
	var at connection
	var kill bool
	cmd := &cobra.Command{
		Use:   "cancel ID...",
		Short: "Cancel tasks",
		Long: `Cancel has tasks not started, whoever has submitted them; whoever waits for one
learns that it was cancelled. A task that runs already goes on for nothing, unless
--kill stops it. The status is 1 if one had its outcome before.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ids []codec.ID
			for _, arg := range args {
				id, err := taskID(arg)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return withClient(cmd.Context(), &at, func(c *producer.Client) error {
				return cancel(cmd.Context(), c, ids, kill)
			}, producer.WithoutStreams())
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&kill, "kill", false, "also stop tasks that run")
	return cmd
}

// cancel cancels tasks by way of futures of them, so that their outcomes stand
// when it returns.
func cancel(ctx context.Context, c *producer.Client, ids []codec.ID, kill bool) error {
	var failed error
	for _, id := range ids {
		future, err := producer.Attach(ctx, c, anyFunc, id)
		if err != nil {
			return because(ctx, err)
		}
		stop := future.Cancel
		if kill {
			stop = future.Kill
		}
		switch {
		case stop():
		case future.State().Done():
			report("muster: task %s has its outcome already", id)
			failed = errReported
		default:
			return fmt.Errorf("task %s could not be cancelled; is the broker there?", id)
		}
	}
	return failed
}
