package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func hostDrainCommand() *cobra.Command {
	var to operator
	var wait bool
	var agreed consent
	cmd := &cobra.Command{
		Use:   "drain HOST",
		Short: "Have a worker host finish what it runs, and end",
		Long: `Drain has a worker host finish the tasks that run, leave the others to other hosts,
and end. A service manager may start it again. ` + aboutHosts + "\n\n" + aboutConsent,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				// By the id, since another host may come with the name.
				host, err := f.Host(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				err = agreed.get(cmd.Context(), "drain host %s, which has %s, %d of them busy",
					printable(host.Host), count(host.Want, "worker process"), busy(host))
				if err != nil {
					return err
				}
				if err := f.DrainHost(cmd.Context(), host.ID); err != nil || !wait {
					return err
				}
				return awaitEnd(cmd.Context(), f, host.ID)
			})
		},
	}
	to.add(cmd)
	agreed.add(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "return when the host has ended")
	return cmd
}

// endLook is how often is looked whether a host has ended.
const endLook = 250 * time.Millisecond

func awaitEnd(ctx context.Context, f *fleet.Fleet, id string) error {
	ticker := time.NewTicker(endLook)
	defer ticker.Stop()
	for {
		_, err := f.Host(ctx, id)
		if errors.Is(err, fleet.ErrNoHost) {
			return nil
		}
		if err != nil && ctx.Err() != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
