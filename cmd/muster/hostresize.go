package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func hostResizeCommand() *cobra.Command {
	var to operator
	cmd := &cobra.Command{
		Use:   "resize HOST N",
		Short: "Change a worker host's number of processes",
		Long: `Resize changes how many worker processes a host has, until it ends. Processes that
are too many finish what they run. ` + aboutHosts,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			processes, err := strconv.Atoi(args[1])
			if err != nil || processes < 1 {
				return usage("%.40s is not a number of worker processes: use 1 or more", args[1])
			}
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				return f.ResizeHost(cmd.Context(), args[0], processes)
			})
		},
	}
	to.add(cmd)
	return cmd
}
