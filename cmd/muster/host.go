package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
)

func hostCommand() *cobra.Command {
	return group("host", "Look at worker hosts, drain and resize them",
		hostListCommand(), hostInfoCommand(), hostDrainCommand(), hostResizeCommand(), hostKillCommand())
}

// aboutHosts says what HOST may be.
const aboutHosts = "HOST is a host's id, or a name that only one has."

// busy counts the processes of a host that run a task.
func busy(host codec.HostStatus) (n int) {
	for _, p := range host.Processes {
		if p.Task != "" {
			n++
		}
	}
	return n
}

// memory returns what a host's processes have in RAM together, the supervisor
// included, in bytes.
func memory(host codec.HostStatus) uint64 {
	sum := host.Memory
	for _, p := range host.Processes {
		sum += p.Memory
	}
	return sum
}

// lastDeath returns when and how a worker process died last.
func lastDeath(host codec.HostStatus) string {
	if len(host.Latest) == 0 {
		return "-"
	}
	return deathLine(host.Latest[len(host.Latest)-1])
}

// maxDeath is how much is listed of how a process died, in characters.
const maxDeath = 60

func deathLine(d codec.ProcessDeath) string {
	line := age(d.At) + " ago: "
	if d.Func != "" {
		line += d.Func + ": "
	}
	return short(line+d.Text, maxDeath)
}

// seconds returns a duration to the tenth of a second.
func seconds(d time.Duration) string { return max(d, 0).Round(100 * time.Millisecond).String() }
