package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func queuePauseCommand() *cobra.Command {
	var to operator
	cmd := &cobra.Command{
		Use:   "pause NAME",
		Short: "Stop the delivery of a queue's tasks",
		Long: `Pause stops the delivery of a queue's tasks until muster queue resume. Tasks that
run go on, and more can be submitted.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error { return f.Pause(cmd.Context(), args[0]) })
		},
	}
	to.add(cmd)
	return cmd
}
