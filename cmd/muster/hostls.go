package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

func hostListCommand() *cobra.Command {
	var to operator
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the worker hosts",
		Long: `Ls lists the worker hosts that answer now. PROCESSES counts those that run a task,
and those that there should be; MEMORY is theirs and the supervisor's together.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				hosts, err := f.Hosts(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSONList(os.Stdout, withoutErrors(hosts))
				}
				if len(hosts) == 0 {
					noteEmpty(cmd.Context(), f)
				}
				return printHosts(hosts)
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	return cmd
}

func printHosts(hosts []codec.HostStatus) error {
	t := newTable(os.Stdout, "HOST", "ID", "QUEUE", "STATE", "PROCESSES", "MEMORY", "FUNCS", "LAST DEATH", "SEEN")
	for _, h := range hosts {
		t.row(h.Host, h.ID, h.QueueText(), string(h.State), fmt.Sprintf("%d/%d", busy(h), h.Want), bytesOf(memory(h)),
			strconv.Itoa(len(h.Funcs)), lastDeath(h), age(h.Sent))
	}
	return t.flush()
}
