package command

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/musterfleet/muster/consumer"
)

// environ returns the environment of commands: this process's, less what tells of
// the broker and of the pool, such as a credential.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "MUSTER_") || strings.HasPrefix(entry, "NATS_")
	})
}

// taskEnviron returns what tells a command of its task.
func taskEnviron(task consumer.Info) []string {
	return []string{
		"MUSTER_TASK=" + task.ID.String(), "MUSTER_FUNC=" + task.Func, "MUSTER_ATTEMPT=" + strconv.Itoa(task.Attempt),
	}
}
