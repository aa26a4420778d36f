package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

// operator is what the commands share that look at a fleet or change it.
type operator struct{ connection }

// with connects, and disconnects after do.
func (o *operator) with(ctx context.Context, do func(*fleet.Fleet) error) error {
	if err := o.read(); err != nil {
		return err
	}
	f, err := fleet.Connect(ctx, o.url, fleet.WithCredentials(o.who))
	if err != nil {
		return because(ctx, err)
	}
	defer f.Close()
	if err := do(f); err != nil {
		return because(ctx, err)
	}
	return nil
}

// noteEmpty says on stderr that nobody uses Muster on a server, where a list of what is
// there is empty for that reason: the user may mean another server.
func noteEmpty(ctx context.Context, f *fleet.Fleet) {
	if queues, err := f.Queues(ctx); err == nil && len(queues) == 0 {
		report("muster: no Muster queues on this server")
	}
}

// group makes a command that only has sub-commands.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("which of its commands? see %s --help", cmd.CommandPath())
			}
			return fmt.Errorf("%w; see %s --help", usage("unknown command %q", args[0]), cmd.CommandPath())
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}
