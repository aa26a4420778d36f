package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/doctor"
)

func doctorCommand() *cobra.Command {
	var cfg doctor.Config
	var at connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong with this installation, and the mend",
		Long: `Doctor looks at the broker, its streams and queues, the worker hosts and this
machine, tells how each of them is, and of what is not well the mend. It creates and
changes nothing. The status is 1 if there is a problem.`,
		Example: `  muster doctor
  muster doctor --queue default --func is_prime --func thumb`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cfg.Queue != "" {
				if err := broker.ValidQueue(cfg.Queue); err != nil {
					return err
				}
			}
			if err := at.read(); err != nil {
				return err
			}
			cfg.URL, cfg.Who = at.url, at.who
			found := doctor.Examine(cmd.Context(), cfg)
			if err := because(cmd.Context(), nil); err != nil {
				return err
			}
			if err := printFindings(found, asJSON); err != nil {
				return err
			}
			for _, f := range found {
				if f.Level == doctor.Problem {
					return errReported
				}
			}
			return nil
		},
	}
	at.add(cmd)
	addJSON(cmd, &asJSON)
	cmd.Flags().StringVar(&cfg.Queue, "queue", "", "look at the queue `NAME` alone")
	cmd.Flags().StringArrayVar(&cfg.Funcs, "func", nil, "func `NAME` that the queues' hosts should have; may be repeated")
	return cmd
}

// printFindings prints a line for each finding, and one for its mend.
func printFindings(found []doctor.Finding, asJSON bool) error {
	if asJSON {
		return writeJSONList(os.Stdout, withoutErrors(found))
	}
	for _, f := range found {
		about := ""
		if f.About != "" {
			about = f.About + ": "
		}
		line := fmt.Sprintf("%-8s %-11s %s%s", f.Level, f.Check, about, f.Saw)
		if f.Mend != "" {
			line += "\n" + fmt.Sprintf("%20s mend: %s", "", f.Mend)
		}
		if err := printLines(line); err != nil {
			return err
		}
	}
	return nil
}

func printLines(text string) error {
	for line := range strings.SplitSeq(text, "\n") {
		if _, err := fmt.Println(printable(line)); err != nil {
			return err
		}
	}
	return nil
}
