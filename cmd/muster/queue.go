package main

import "github.com/spf13/cobra"

func queueCommand() *cobra.Command {
	return group("queue", "Look at queues, pause, resume and purge them",
		queueCreateCommand(), queueListCommand(), queueInfoCommand(), queuePauseCommand(), queueResumeCommand(), queuePurgeCommand())
}

func state(paused bool) string {
	if paused {
		return "paused"
	}
	return "running"
}
