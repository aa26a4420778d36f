package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func queueCreateCommand() *cobra.Command {
	var to operator
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a queue, for clients and hosts that may not",
		Long: `Create makes a queue, and the streams that all queues share, if they are not
there. It is needed only where the broker's permissions keep clients and worker hosts
from doing so themselves: else whoever comes first does.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error { return f.CreateQueue(cmd.Context(), args[0]) })
		},
	}
	to.add(cmd)
	return cmd
}
