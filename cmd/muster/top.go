package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/top"
)

func topCommand() *cobra.Command {
	var to operator
	var once, asJSON bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the fleet, live, in the terminal",
		Long: `Top shows how busy the fleet is, its queues, its hosts, their processes with what
each of them runs, the funcs, the deaths and the dead letters, and has keys to look
closer and to steer: ? tells them.

With --once it prints a snapshot, which takes about two seconds, and ends. With
--json too that is one object {"at", "hosts", "queues", "funcs", "deaths"}, which
docs/operations.md describes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !once {
				return to.watch(cmd.Context(), asJSON)
			}
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				snapshot, err := top.Take(cmd.Context(), f)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(os.Stdout, snapshot)
				}
				return top.Print(os.Stdout, snapshot)
			})
		},
	}
	to.add(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "print a snapshot and end")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with --once")
	return cmd
}

// watch runs the terminal program.
func (o *operator) watch(ctx context.Context, asJSON bool) error {
	if asJSON {
		return usage("--json goes with --once")
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		return usage("muster top needs a terminal; use muster top --once")
	}
	if err := o.read(); err != nil {
		return err
	}
	if err := top.Run(ctx, o.url, fleet.WithCredentials(o.who)); err != nil {
		return because(ctx, err)
	}
	return nil
}
