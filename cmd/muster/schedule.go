package main

import "github.com/spf13/cobra"

func scheduleCommand() *cobra.Command {
	return group("schedule", "Have the broker submit tasks again and again",
		scheduleListCommand(), scheduleSetCommand(), scheduleRemoveCommand())
}
