package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func queueResumeCommand() *cobra.Command {
	var to operator
	cmd := &cobra.Command{
		Use:   "resume NAME",
		Short: "Deliver a queue's tasks again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error { return f.Resume(cmd.Context(), args[0]) })
		},
	}
	to.add(cmd)
	return cmd
}
