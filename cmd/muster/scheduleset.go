package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
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
give it --retries, and one that fails in the end is found by muster dead ls.

Weekday 7 is Sunday, as 0 is; months and weekdays may have names (jan, mon). Where the
zone changes its clock, a local time that is skipped does not fire on that day, and one
that is repeated fires twice; Set warns of it. Use UTC, or an hour outside the change.`,
		Example: `  muster schedule set nightly '30 4 * * *' --zone Europe/Berlin backup '"/srv"'
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
				if err == nil {
					warnOfClock(args[0], args[1], zone)
				}
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

// warnOfClock tells of a schedule that a change of its zone's clock meets.
func warnOfClock(name, cron, zone string) {
	changes := broker.ClockChanges(cron, zone, time.Now())
	if len(changes) == 0 {
		return
	}
	c := changes[0]
	day, from, to := c.From.Format(time.DateOnly), c.From.Format("15:04"), c.To.Format("15:04")
	does, then := "repeats", "twice"
	if c.Skips {
		does, then = "skips", "not at all"
	}
	if c.Uneven {
		then = "not at all, twice or on another day"
	}
	report("muster: warning: on %s %s %s the time from %s to %s: schedule %s may fire %s then; use UTC, or an hour outside the change",
		day, zone, does, from, to, name, then)
}

// notJSON says what is wrong with an argument.
func notJSON(text string) error {
	return usage("the argument %.60q is not JSON; a string is written with its quotes: '\"hello\"'", text)
}
