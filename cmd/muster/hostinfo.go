package main

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

func hostInfoCommand() *cobra.Command {
	var to operator
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info HOST",
		Short: "Show one worker host, with its processes",
		Long: `Info shows a worker host and each of its processes: what it runs, for how long and
until which limit, its memory, how many tasks it has finished, and how the process
before it died. ` + aboutHosts,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				host, err := f.Host(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(os.Stdout, host)
				}
				return printHost(host)
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	return cmd
}

func printHost(h codec.HostStatus) error {
	limit := ""
	if h.MemoryLimit > 0 {
		limit = ", limit " + bytesOf(uint64(h.MemoryLimit)) + " each"
	}
	fmt.Println(printable(fmt.Sprintf("host %s (%s): %s, queue %s, %s, supervisor %d, up %s, %s%s",
		h.Host, h.ID, h.State, h.QueueText(), count(h.Want, "worker process"), h.PID, age(h.Started), bytesOf(memory(h)), limit)))
	fmt.Println(printable("funcs: " + strings.Join(h.Funcs, ", ")))
	t := newTable(os.Stdout, "PID", "STATE", "FUNC", "TASK", "ELAPSED", "MEMORY", "TASKS", "UP", "LAST DEATH")
	for _, p := range h.Processes {
		died := "-"
		if p.Died != nil {
			died = deathLine(*p.Died)
		}
		t.row(orDash(p.PID), string(p.State), cmp.Or(p.Func, "-"), cmp.Or(p.Task, "-"), elapsed(p, h.Sent), bytesOf(p.Memory),
			thousands(int(p.Tasks)), age(p.Started), died)
	}
	return t.flush()
}

// elapsed tells for how long a process has run its task, and for how long it may.
func elapsed(p codec.ProcessStatus, now time.Time) string {
	switch {
	case p.Task == "":
		return "-"
	case p.Limit.IsZero():
		return seconds(now.Sub(p.Since))
	}
	return seconds(now.Sub(p.Since)) + " of " + seconds(p.Limit.Sub(p.Since))
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}
