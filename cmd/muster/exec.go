package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/pool"
)

// execFlags say which commands a worker host offers as funcs.
type execFlags struct{ run, serve []string }

func (f *execFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.run, "exec", nil,
		"offer func `NAME=COMMAND`: each task runs the command, with {} replaced by the argument; NAME,stdin and NAME,json say more")
	cmd.Flags().StringArrayVar(&f.serve, "exec-server", nil,
		"offer func `NAME=COMMAND`: each worker process starts the command once, and passes it a task a line")
}

// apply has the worker processes of cfg offer the commands.
func (f *execFlags) apply(cfg *pool.Config) error {
	offer := command.Offer{MaxOutput: cmp.Or(cfg.MaxValue, consumer.DefaultMaxValue)}
	for _, definitions := range []struct {
		all   []string
		parse func(string) (command.Command, error)
	}{{f.run, command.Parse}, {f.serve, command.ParseServer}} {
		for _, definition := range definitions.all {
			c, err := definitions.parse(definition)
			if err != nil {
				return err
			}
			offer.Commands = append(offer.Commands, c)
		}
	}
	if len(offer.Commands) == 0 {
		return nil
	}
	entry, err := offer.Env()
	cfg.Env = append(cfg.Env, entry)
	return err
}
