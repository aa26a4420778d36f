package main

import (
	"iter"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
)

// maxCause is how much of a dead letter's cause is listed, in characters.
const maxCause = 72

func deadListCommand() *cobra.Command {
	var to operator
	var queue string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List dead letters",
		Long: `Ls lists the tasks that were given up, since they had used up their crashes or
their attempts, and messages in the queues that are no tasks; the oldest first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				all := f.DeadLetters(cmd.Context(), queue)
				if asJSON {
					return writeJSONList(os.Stdout, inJSON(all))
				}
				n, err := printLetters(all)
				if err == nil && n == 0 {
					noteEmpty(cmd.Context(), f)
				}
				return err
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	cmd.Flags().StringVar(&queue, "queue", "", "of this queue alone")
	return cmd
}

func inJSON(all iter.Seq2[fleet.DeadLetter, error]) iter.Seq2[letterJSON, error] {
	return func(yield func(letterJSON, error) bool) {
		for letter, err := range all {
			if !yield(newLetterJSON(letter), err) {
				return
			}
		}
	}
}

// printLetters returns how many there are.
func printLetters(all iter.Seq2[fleet.DeadLetter, error]) (n int, err error) {
	t := newTable(os.Stdout, "ID", "QUEUE", "FUNC", "AGE", "CRASHES", "ERRORS", "CAUSE")
	for letter, err := range all {
		if err != nil {
			return n, err
		}
		n++
		t.row(letter.ID, letter.Queue, letter.Func, age(letter.At), strconv.Itoa(letter.Crashes), strconv.Itoa(letter.Errors),
			short(letter.Cause.Error, maxCause))
	}
	return n, t.flush()
}
