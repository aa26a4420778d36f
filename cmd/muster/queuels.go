package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func queueListCommand() *cobra.Command {
	var to operator
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the queues",
		Long: `Ls lists the queues. WAITING and IN FLIGHT count messages, each perhaps a whole
batch of short tasks; SCHEDULED counts tasks that are delayed or to be retried.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				queues, err := f.Queues(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSONList(os.Stdout, withoutErrors(queues))
				}
				t := newTable(os.Stdout, "QUEUE", "STATE", "WAITING", "IN FLIGHT", "SCHEDULED", "DEAD", "OLDEST")
				for _, q := range queues {
					t.row(q.Name, state(q.Paused), thousands(int(q.Waiting)), thousands(q.InFlight),
						thousands(q.Scheduled), thousands(q.Dead), age(q.Oldest))
				}
				if len(queues) == 0 {
					noteEmpty(cmd.Context(), f)
				}
				return t.flush()
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	return cmd
}
