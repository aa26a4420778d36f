package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// detachedRetain is how long the outcome of a detached task is kept.
const detachedRetain = 24 * time.Hour

// anyFunc stands for the func of a task of which only the id is known.
var anyFunc = codec.NewFunc[item, result]("any")

func resultCommand() *cobra.Command {
	var at connection
	var timeout time.Duration
	var noWait bool
	cmd := &cobra.Command{
		Use:   "result ID",
		Short: "Wait for a durable task and print its result",
		Long: `Result waits for the outcome of a task that was submitted with --detach or
--retain, from anywhere, and prints it as muster submit does. The status is 1 if
the task failed, and if there is no outcome in time. Nothing tells a task that
runs from one that never was, or whose outcome was not kept: there is none.`,
		Example: `  muster result $(muster submit --detach sleep 5)
  muster result --no-wait k3xf9mq2l7zt4b6c-42`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := taskID(args[0])
			switch {
			case err != nil:
				return err
			case cmd.Flags().Changed("timeout") && timeout <= 0:
				return usage("--timeout %s: the time must be more than nothing", timeout)
			case noWait && timeout > 0:
				return usage("--no-wait with --timeout: use one of them")
			}
			return withClient(cmd.Context(), &at, func(c *producer.Client) error {
				watch := &hostWatch{at: &at, say: reportLine} // the id does not tell the queue
				defer watch.start(cmd.Context(), 0).close()
				return await(cmd.Context(), c, id, timeout, noWait)
			}, producer.WithoutStreams())
		},
	}
	at.add(cmd)
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "`TIME` to wait at most, such as 30s (default: for ever)")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "print the outcome that there is, and fail if there is none")
	return cmd
}

// taskID reads the id of a task.
func taskID(text string) (codec.ID, error) {
	id, err := codec.ParseID(text)
	if err != nil {
		return id, usage("%.160q is not a task's id, such as k3xf9mq2l7zt4b6c-42", text)
	}
	return id, nil
}

func await(ctx context.Context, c *producer.Client, id codec.ID, timeout time.Duration, noWait bool) error {
	future, err := producer.Attach(ctx, c, anyFunc, id)
	if err != nil {
		return because(ctx, err)
	}
	if noWait && !future.State().Done() {
		return fmt.Errorf("there is no outcome of task %s", id)
	}
	wait := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	value, err := future.Result(wait)
	if err != nil && !future.State().Done() {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("there is no outcome of task %s after %s", id, timeout)
		}
		return because(ctx, err)
	}
	return printResult(value, err)
}
