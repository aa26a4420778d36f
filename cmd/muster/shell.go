package main

import (
	"os"

	"github.com/spf13/cobra"
)

// completionCommand writes what makes a shell complete. It stands in place of
// cobra's own, which takes four pages to say as much.
func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print what makes a shell complete muster's commands",
		Long: `Completion prints a script for a shell, which then completes commands, flags, and the
names of queues, funcs and hosts, by asking the broker.`,
		Example: `  source <(muster completion bash)
  muster completion bash > /etc/bash_completion.d/muster
  muster completion zsh > "${fpath[1]}/_muster"
  muster completion fish > ~/.config/fish/completions/muster.fish`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []cobra.Completion{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(os.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(os.Stdout)
			case "fish":
				return root.GenFishCompletion(os.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(os.Stdout)
			}
			return usage("completion for %q: the shell must be bash, zsh, fish or powershell", args[0])
		},
	}
}
