package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand writes manual pages, for whoever packages the program. The library
// that comes with cobra would add half a megabyte to it.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write manual pages into a directory",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for _, documented := range documented(cmd.Root()) {
				name := strings.ReplaceAll(documented.CommandPath(), " ", "-") + ".1"
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(manPage(documented)), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// documented returns a command and all below it, but those that nobody types.
func documented(cmd *cobra.Command) (all []*cobra.Command) {
	if cmd.Hidden || cmd.Name() == "help" {
		return nil
	}
	all = append(all, cmd)
	for _, below := range cmd.Commands() {
		all = append(all, documented(below)...)
	}
	return all
}

// manPage returns a command's page, in the macros of man(7).
func manPage(cmd *cobra.Command) string {
	var page strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&page, format+"\n", args...) }
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	line(`.TH %s 1 "" "muster" "Muster"`, roff(strings.ToUpper(name)))
	line(".SH NAME\n%s \\- %s", roff(name), roff(cmd.Short))
	line(".SH SYNOPSIS\n.B %s", roff(cmd.UseLine()))
	if cmd.Long != "" {
		line(".SH DESCRIPTION\n%s", strings.ReplaceAll(roff(cmd.Long), "\n\n", "\n.PP\n"))
	}
	if cmd.LocalFlags().HasAvailableFlags() {
		line(".SH OPTIONS")
		cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden {
				syntax, text := flagText(flag)
				line(".TP\n.B %s\n%s", roff(syntax), roff(text))
			}
		})
	}
	if cmd.Example != "" {
		line(".SH EXAMPLES\n.nf\n%s\n.fi", roff(cmd.Example))
	}
	line(".SH EXIT STATUS\n0, 1 if the work failed, or 2 if the command was called wrongly.")
	line(".SH SEE ALSO\n%s", strings.Join(related(cmd), ",\n"))
	return page.String()
}

// related returns the pages of the commands above and below, and of the program's
// first if there is no other.
func related(cmd *cobra.Command) (all []string) {
	others := documented(cmd)[1:]
	if cmd.HasParent() {
		others = append(others, cmd.Parent())
	}
	for _, other := range others {
		if other == cmd.Parent() || other.Parent() == cmd {
			all = append(all, ".BR "+roff(strings.ReplaceAll(other.CommandPath(), " ", "-"))+" (1)")
		}
	}
	return all
}

// machineDefaults stand for defaults that are not the same everywhere.
var machineDefaults = map[string]string{"processes": "", "store": "~/.local/share/muster"}

// flagText returns how a flag is written, and what it does.
func flagText(flag *pflag.Flag) (syntax, text string) {
	value, text := pflag.UnquoteUsage(flag)
	syntax = "--" + flag.Name
	if flag.Shorthand != "" {
		syntax = "-" + flag.Shorthand + ", " + syntax
	}
	if value != "" {
		syntax += " " + value
	}
	standard, known := machineDefaults[flag.Name]
	if !known {
		standard = flag.DefValue
	}
	switch standard {
	case "", "0", "0s", "false", "[]":
	default:
		text += " (default " + standard + ")"
	}
	return syntax, text
}

// roff escapes a text for the macros of man(7).
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
