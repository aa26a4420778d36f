package main

import (
	"context"
	"slices"

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
		Long: `Cancel keeps tasks from being started, whichever client has submitted them; those
who wait for one learn that it was cancelled. A task that runs already goes on and
keeps its result, unless --kill stops it. The status is 1 if a task runs or had its
outcome before.`,
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
	var futures []*producer.Future[result]
	var pending []codec.ID
	for _, id := range ids {
		future, err := producer.Attach(ctx, c, anyFunc, id)
		if err != nil {
			return because(ctx, err)
		}
		futures = append(futures, future)
		if !future.State().Done() {
			pending = append(pending, id)
		}
	}
	stop := c.Cancel
	if kill {
		stop = c.Kill
	}
	failed := because(ctx, stop(ctx, pending...))
	for _, future := range futures {
		id, state := future.ID(), future.State()
		switch {
		case state == producer.Cancelled && slices.Contains(pending, id):
			continue
		case state.Done():
			report("muster: task %s has its outcome already", id)
		case state == producer.Running:
			report("muster: task %s runs, and goes on; --kill stops it", id)
		default:
			report("muster: task %s is not cancelled", id)
		}
		if failed == nil {
			failed = errReported
		}
	}
	return failed
}
