package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

func deadShowCommand() *cobra.Command {
	var to operator
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a dead letter, with its argument and cause",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				letter, err := f.DeadLetter(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(os.Stdout, newLetterJSON(letter))
				}
				return printLetter(os.Stdout, letter)
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	return cmd
}

// printLetter prints what there is to say, a line for each thing; of a text of
// several lines the others are indented.
func printLetter(w io.Writer, letter fleet.DeadLetter) error {
	var at, process, counts string
	if !letter.At.IsZero() {
		at = letter.At.Local().Format(time.RFC3339) + ", " + age(letter.At) + " ago"
	}
	if letter.Cause.Host != "" {
		process = fmt.Sprintf("%d on host %s", letter.Cause.PID, letter.Cause.Host)
	}
	if letter.Func != "" {
		counts = fmt.Sprintf("%d with a crash, %d with an error", letter.Crashes, letter.Errors)
	}
	t := newTable(w, "id", letter.ID)
	for _, line := range [][2]string{
		{"queue", letter.Queue},
		{"given up", at},
		{"func", letter.Func},
		{"argument", string(argument(letter))},
		{"attempts", counts},
		{"process", process},
		{"cause", letter.Cause.Error},
		{"stack", letter.Cause.Stack},
	} {
		text := strings.Split(strings.TrimSpace(line[1]), "\n")
		for i, part := range text {
			if i > 0 {
				line[0] = ""
			}
			if line[1] != "" {
				t.row(line[0], strings.ReplaceAll(part, "\t", "    "))
			}
		}
	}
	return t.flush()
}
