package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func deadRemoveCommand() *cobra.Command {
	var to operator
	var which letters
	cmd := &cobra.Command{
		Use:   "rm ID...",
		Short: "Remove dead letters for good",
		Long: `Rm removes dead letters for good, and large arguments of theirs from the broker.

With --all, on a terminal it asks first, and anything but yes means no; elsewhere it
needs --yes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := which.check(args); err != nil {
				return err
			}
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				if err := which.agreed(cmd.Context(), f, "remove"); err != nil {
					return err
				}
				return which.each(cmd.Context(), f, args, func(id string) error {
					return f.RemoveDead(cmd.Context(), id)
				})
			})
		},
	}
	to.add(cmd)
	which.add(cmd)
	return cmd
}
