package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/producer"
)

func scheduleRemoveCommand() *cobra.Command {
	var at connection
	cmd := &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a schedule",
		Long: `Rm removes the schedule of a name, whatever its queue. It is no error if there is
none. Tasks that were submitted already run.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd.Context(), &at, func(c *producer.Client) error {
				return because(cmd.Context(), producer.Unschedule(cmd.Context(), c, args[0]))
			}, producer.WithoutStreams())
		},
	}
	at.add(cmd)
	return cmd
}
