package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func deadRetryCommand() *cobra.Command {
	var to operator
	var which letters
	cmd := &cobra.Command{
		Use:   "retry ID...",
		Short: "Submit the tasks of dead letters anew",
		Long: `Retry submits the task of a dead letter as a new one, whose attempts count from
nothing, prints its id, and removes the letter. The outcome is kept for 24 hours:
muster result ID.

With --all, on a terminal it asks first, and anything but yes means no; elsewhere it
needs --yes.`,
		Example: `  muster dead retry k3xf9mq2l7zt4b6c-42
  muster dead retry --all --queue default --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := which.check(args); err != nil {
				return err
			}
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				if err := which.agreed(cmd.Context(), f, "retry the tasks of"); err != nil {
					return err
				}
				return which.each(cmd.Context(), f, args, func(id string) error {
					renewed, err := f.RetryDead(cmd.Context(), id)
					if err != nil {
						return err
					}
					_, err = fmt.Println(renewed)
					return err
				})
			})
		},
	}
	to.add(cmd)
	which.add(cmd)
	return cmd
}
