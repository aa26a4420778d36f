package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// completeFor bounds how long somebody waits who has pressed the tab key.
	completeFor = 1500 * time.Millisecond
	// hearFor is how long hosts may take to tell of themselves meanwhile.
	hearFor = 300 * time.Millisecond
)

// names looks up what an argument or the value of a flag may be.
type names func(ctx context.Context, nc *nats.Conn) ([]string, error)

// completed are the commands whose arguments are completed; of those with one
// argument only the first.
var completed = map[string]names{
	"queue info": queueNames, "queue pause": queueNames, "queue resume": queueNames, "queue purge": queueNames,
	"submit": funcNames, "map": funcNames,
	"host info": hostNames, "host drain": hostNames, "host resize": hostNames, "host kill": hostNames,
}

// completedFlags are the flags whose values are completed, wherever they are.
var completedFlags = map[string]names{"queue": queueNames, "func": funcNames}

// addCompletion has the shell complete what stands in the tables above, for a
// command and those below it.
func addCompletion(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	if look, ok := completed[strings.TrimPrefix(cmd.CommandPath(), "muster ")]; ok {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return complete(cmd, look, begun)
		}
	}
	for name, look := range completedFlags {
		if cmd.Flags().Lookup(name) == nil {
			continue
		}
		// It fails only if there is no such flag, or it is completed already.
		_ = cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return complete(cmd, look, begun)
		})
	}
	for _, below := range cmd.Commands() {
		addCompletion(below)
	}
}

// complete returns the names that begin so. It creates nothing on the broker, and
// gives none if that is not there.
func complete(cmd *cobra.Command, look names, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeFor)
	defer cancel()
	nc, err := dialOf(ctx, cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer nc.Close()
	all, err := look(ctx, nc)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all = slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, begun) })
	slices.Sort(all)
	return slices.Compact(all), cobra.ShellCompDirectiveNoFileComp
}

// dialOf connects as the flags of a command say that is being typed.
func dialOf(ctx context.Context, typed *cobra.Command) (*nats.Conn, error) {
	var at connection
	var cmd cobra.Command
	at.add(&cmd)
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if given := typed.Flags().Lookup(flag.Name); given != nil && given.Changed {
			_ = flag.Value.Set(given.Value.String()) // it took it before
		}
	})
	if err := at.read(); err != nil {
		return nil, err
	}
	return broker.Dial(ctx, at.url, broker.Config{Name: "muster completion", Credentials: at.who})
}

func queueNames(ctx context.Context, nc *nats.Conn) ([]string, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	return broker.QueueNames(ctx, js)
}

func funcNames(ctx context.Context, nc *nats.Conn) (all []string, err error) {
	hosts, err := fleet.Listen(ctx, nc, hearFor)
	for _, host := range hosts {
		all = append(all, host.Funcs...)
	}
	return all, err
}

// hostNames returns names, and ids where several hosts have a name.
func hostNames(ctx context.Context, nc *nats.Conn) (all []string, err error) {
	hosts, err := fleet.Listen(ctx, nc, hearFor)
	having := map[string]int{}
	for _, host := range hosts {
		having[host.Host]++
	}
	for _, host := range hosts {
		if having[host.Host] > 1 {
			all = append(all, host.ID)
		} else {
			all = append(all, host.Host)
		}
	}
	return all, err
}
