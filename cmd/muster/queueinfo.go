package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func queueInfoCommand() *cobra.Command {
	var to operator
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info NAME",
		Short: "Show one queue, with its three priorities",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				q, err := f.Queue(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(os.Stdout, q)
				}
				return printQueue(q)
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	return cmd
}

func printQueue(q fleet.Queue) error {
	fmt.Printf("queue %s: %s, %s scheduled, %s dead, oldest %s, %s\n", q.Name, state(q.Paused),
		thousands(q.Scheduled), thousands(q.Dead), age(q.Oldest), bytesOf(q.Bytes))
	t := newTable(os.Stdout, "PRIORITY", "STATE", "WAITING", "IN FLIGHT", "REDELIVERED")
	for _, lane := range q.Lanes {
		t.row(lane.Name, state(lane.Paused), thousands(int(lane.Waiting)), thousands(lane.InFlight), thousands(lane.Redelivered))
	}
	return t.flush()
}
