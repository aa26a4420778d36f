package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
	"github.com/musterfleet/muster/producer"
)

func scheduleSetCommand() *cobra.Command {
	var client clientFlags
	var task taskFlags
	var zone string
	var retain time.Duration
	cmd := &cobra.Command{
		Use:   "set NAME CRON FUNC [JSON]",
		Short: "Set a schedule, or replace it",
		Long: `Set has the broker submit a task of FUNC, with the argument JSON or null, at each
time of CRON, until the schedule is removed; no client need be there. CRON is one
word: a crontab's five fields (minute, hour, day, month, weekday), or six with
seconds first, or @hourly, @daily and the like, or "@every 90s". A time that passes
while the broker is down is not made up for. Nobody waits for what a task comes to:
give it --retries, and one that fails in the end is found by muster dead ls.`,
		Example: `  muster schedule set nightly '30 2 * * *' --zone Europe/Berlin backup '"/srv"'
  muster schedule set --retries 3 poll '@every 90s' fetch`,
		Args: cobra.RangeArgs(3, 4),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := "null"
			if len(args) == 4 {
				text = args[3]
			}
			if !jsonvalue.Valid([]byte(text)) {
				return notJSON(text)
			}
			f := codec.NewFunc[item, result](args[2])
			if err := f.Check(); err != nil {
				return err
			}
			options, err := task.options(cmd)
			set := optionSetter{cmd, &options, &err}
			set.duration("retain", retain, producer.Retain)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("zone") {
				options = append(options, producer.TimeZone(zone))
			}
			return client.with(cmd.Context(), func(c *producer.Client) error {
				err := producer.Schedule(cmd.Context(), c, args[0], args[1], f, item{text: []byte(text)}, options...)
				return because(cmd.Context(), plain(err))
			})
		},
	}
	client.add(cmd)
	task.add(cmd)
	cmd.Flags().StringVar(&zone, "zone", "", "time `ZONE` of CRON, such as Europe/Berlin (default UTC)")
	cmd.Flags().DurationVar(&retain, "retain", 0, "`TIME` to keep each outcome, up to 168h (default 24h)")
	return cmd
}

// notJSON says what is wrong with an argument.
func notJSON(text string) error {
	return usage("the argument %.60q is not JSON; a string is written with its quotes: '\"hello\"'", text)
}
