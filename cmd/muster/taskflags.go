package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// taskFlags say how tasks are to be run.
type taskFlags struct {
	attempts, retries, crashes int
	backoff, limit, deadline   time.Duration
	priority                   string
}

func (f *taskFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.attempts, "attempts", 0, "`N` attempts that may end with an error before that is the outcome (default 1)")
	cmd.Flags().IntVar(&f.retries, "retries", 0, "run a task again `N` times at most if it ends with an error: --attempts of one more")
	cmd.Flags().DurationVar(&f.backoff, "backoff", 0, "`TIME` to wait after the first error, if there are more attempts; doubles with each (default 1s)")
	cmd.Flags().IntVar(&f.crashes, "crashes", 0, "`N` attempts that may end with their process before the task is given up (default 3)")
	cmd.Flags().DurationVar(&f.limit, "limit", 0, "longest `TIME` that an attempt may run, such as 30s; then it is stopped")
	cmd.Flags().DurationVar(&f.limit, "timeout", 0, "another name of --limit: `TIME`")
	cmd.Flags().DurationVar(&f.deadline, "deadline", 0, "`TIME` from now after which a task is not started any more")
	cmd.Flags().StringVar(&f.priority, "priority", producer.Normal.String(), "high, normal or low")
}

func (f *taskFlags) options(cmd *cobra.Command) (options []producer.CallOption, err error) {
	if err := either(cmd, [2]string{"attempts", "retries"}, [2]string{"limit", "timeout"}); err != nil {
		return nil, err
	}
	set := optionSetter{cmd, &options, &err}
	set.count("attempts", f.attempts, producer.Attempts)
	if set.given("retries", f.retries >= 0 && f.retries < codec.MaxAttempts, fmt.Sprintf("use 0 to %d", codec.MaxAttempts-1)) {
		options = append(options, producer.Attempts(f.retries+1))
	}
	set.duration("backoff", f.backoff, producer.Backoff)
	set.count("crashes", f.crashes, producer.Crashes)
	set.duration("limit", f.limit, producer.Limit)
	set.duration("timeout", f.limit, producer.Limit)
	if set.given("deadline", f.deadline > 0, "the time must be more than nothing") {
		set.add("deadline", producer.Deadline(time.Now().Add(f.deadline)))
	}
	for _, lane := range []producer.Lane{producer.High, producer.Normal, producer.Low} {
		if lane.String() == f.priority {
			return append(options, producer.Priority(lane)), err
		}
	}
	return nil, usage("--priority %s: use high, normal or low", f.priority)
}

// placeFlags are for what only a task by itself can have.
type placeFlags struct {
	retain, delay time.Duration
	key           string
}

func (f *placeFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.retain, "retain", 0, "`TIME` to keep the outcome for whoever asks by the task's id, up to 168h")
	cmd.Flags().DurationVar(&f.delay, "delay", 0, "`TIME` from now before which the task is not started")
	cmd.Flags().StringVar(&f.key, "key", "", "while a task with this `KEY` waits or runs, stand for that one in place of a new one")
}

func (f *placeFlags) options(cmd *cobra.Command, options []producer.CallOption) (_ []producer.CallOption, err error) {
	set := optionSetter{cmd, &options, &err}
	if f.retain > 0 && !cmd.Flags().Changed("retain") { // it is implied
		options = append(options, producer.Retain(f.retain))
	}
	set.duration("retain", f.retain, producer.Retain)
	if set.given("delay", f.delay > 0, "the time must be more than nothing") {
		set.add("delay", producer.Delay(f.delay))
	}
	if cmd.Flags().Changed("key") { // an empty one is refused, not passed over
		options = append(options, producer.Key(f.key))
	}
	if err == nil && f.key != "" && f.delay > 0 {
		err = usage("--key with --delay: use one of them")
	}
	return options, err
}

// optionSetter turns flags that were given into options, until one is wrong.
type optionSetter struct {
	cmd     *cobra.Command
	options *[]producer.CallOption
	err     *error
}

func (s optionSetter) count(flag string, n int, option func(int) producer.CallOption) {
	if s.cmd.Flags().Changed(flag) {
		s.add(flag, option(n))
	}
}

func (s optionSetter) duration(flag string, d time.Duration, option func(time.Duration) producer.CallOption) {
	if s.cmd.Flags().Changed(flag) {
		s.add(flag, option(d))
	}
}

// add adds the option of a flag, unless its value is out of range.
func (s optionSetter) add(flag string, option producer.CallOption) {
	err := producer.CheckOptions(option)
	s.given(flag, err == nil, optionText(err))
	*s.options = append(*s.options, option)
}

// optionText is what an error says of an option, without whose it is.
func optionText(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), producer.ErrOption.Error()+": ")
}

// given reports whether a flag was given, rightly.
func (s optionSetter) given(flag string, right bool, otherwise string) bool {
	f := s.cmd.Flags().Lookup(flag)
	if f.Changed && !right && *s.err == nil {
		*s.err = usage("--%s %s: %s", flag, f.Value, otherwise)
	}
	return f.Changed && right
}

// either refuses flags of which only one can be given.
func either(cmd *cobra.Command, pairs ...[2]string) error {
	for _, pair := range pairs {
		if cmd.Flags().Changed(pair[0]) && cmd.Flags().Changed(pair[1]) {
			return usage("--%s with --%s: use one of them", pair[0], pair[1])
		}
	}
	return nil
}
