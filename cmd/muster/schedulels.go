package main

import (
	"cmp"
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

// shownSchedule is a schedule as it is listed.
type shownSchedule struct {
	fleet.Schedule
	Arg json.RawMessage `json:"arg"` // null if there is none to be read
}

func scheduleListCommand() *cobra.Command {
	var to operator
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the schedules",
		Long: `Ls lists the schedules. A crontab is shown as the broker has it, with a field for
seconds first.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return to.with(cmd.Context(), func(f *fleet.Fleet) error {
				schedules, err := f.Schedules(cmd.Context())
				if err != nil {
					return err
				}
				all := make([]shownSchedule, len(schedules))
				for i, s := range schedules {
					arg, err := jsonvalue.Append(nil, s.Arg)
					if err != nil {
						arg = []byte("null")
					}
					all[i] = shownSchedule{s, arg}
				}
				if asJSON {
					return writeJSONList(os.Stdout, withoutErrors(all))
				}
				if len(all) == 0 {
					noteEmpty(cmd.Context(), f)
				}
				t := newTable(os.Stdout, "NAME", "CRON", "ZONE", "QUEUE", "LANE", "FUNC", "ARGUMENT")
				for _, s := range all {
					t.row(s.Name, s.Cron, cmp.Or(s.Zone, "UTC"), s.Queue, s.Lane, cmp.Or(s.Func, "-"), short(string(s.Arg), 40))
				}
				return t.flush()
			})
		},
	}
	to.add(cmd)
	addJSON(cmd, &asJSON)
	return cmd
}
