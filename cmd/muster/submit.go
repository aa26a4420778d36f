package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
	"github.com/musterfleet/muster/producer"
)

func submitCommand() *cobra.Command {
	var client clientFlags
	var task taskFlags
	var place placeFlags
	var detach bool
	cmd := &cobra.Command{
		Use:   "submit FUNC [JSON]",
		Short: "Submit one task and print its result",
		Long: `Submit runs one task of FUNC, with the argument JSON or null, and prints its
result: a string as it is, any other as JSON. An interrupt, SIGTERM, SIGQUIT or, when
the terminal is closed, SIGHUP cancels the task if it has not started. If no worker
host takes it, a line on stderr says so after a second. A number with a fraction or an
exponent is a float of 64 bits, so that 1.10 becomes 1.1 and 7.0 becomes 7; an integer
of more than 64 bits is refused, and goes as a string, in quotes.

With --detach it prints the task's id as soon as the broker has stored the task:
muster result ID waits for the outcome, from anywhere.`,
		Example: `  muster submit is_prime 112272535095293
  muster submit sha256 '"hello"'
  muster submit count_primes '{"from": 0, "to": 1000000}'
  muster submit --detach --priority high --attempts 3 sleep 60`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := "null"
			if len(args) == 2 {
				text = args[1]
			}
			if !jsonvalue.Valid([]byte(text)) {
				return notJSON(text)
			}
			f := codec.NewFunc[item, result](args[0])
			if err := f.Check(); err != nil {
				return err
			}
			if detach && !cmd.Flags().Changed("retain") {
				place.retain = detachedRetain
			}
			options, err := task.options(cmd)
			if err == nil {
				options, err = place.options(cmd, options)
			}
			if err != nil {
				return err
			}
			ctx, stop := untilFatal(cmd.Context())
			defer stop()
			arg := item{text: []byte(text)}
			return client.with(ctx, func(c *producer.Client) error {
				if detach {
					return submitDetached(ctx, c, f, arg, options)
				}
				defer client.watchHosts(ctx, c, f.Name(), place.delay, reportLine).close()
				return submit(ctx, c, f, arg, options)
			})
		},
	}
	client.add(cmd)
	task.add(cmd)
	place.add(cmd)
	cmd.Flags().BoolVar(&detach, "detach", false, "print the task's id and leave; its outcome is kept for 24 h unless --retain says otherwise")
	return cmd
}

func submit(ctx context.Context, c *producer.Client, f codec.Func[item, result], arg item, options []producer.CallOption) error {
	future, err := producer.Submit(ctx, c, f, arg, options...)
	if err != nil {
		return because(ctx, plain(err))
	}
	value, err := future.Result(ctx)
	if err != nil && !future.State().Done() {
		if failed := abandon(ctx, future); failed != nil {
			report("muster: the task may run all the same: %v", failed)
		}
		return because(ctx, err)
	}
	return printResult(value, err)
}

// leaveTimeout bounds how long an interrupted command waits until its task is
// cancelled.
const leaveTimeout = 5 * time.Second

// abandon cancels a task that nobody waits for any more, although ctx has ended.
func abandon(ctx context.Context, future *producer.Future[result]) error {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer end()
	_, err := future.Cancel(ctx)
	return err
}

// submitDetached leaves the task to itself once it is stored.
func submitDetached(ctx context.Context, c *producer.Client, f codec.Func[item, result], arg item, options []producer.CallOption) error {
	future, err := producer.Submit(ctx, c, f, arg, options...)
	if err == nil {
		err = c.Flush(ctx)
	}
	if err == nil && future.State().Done() && errors.Is(future.Err(ctx), producer.ErrNotStored) {
		err = future.Err(ctx)
	}
	if err != nil {
		return because(ctx, plain(err))
	}
	ended, end := context.WithCancel(ctx)
	end()
	_ = c.Close(ended) // it need not wait for the outcome
	_, err = fmt.Println(future.ID())
	return err
}

// printResult prints what a task came to.
func printResult(value result, err error) error {
	if err != nil {
		return plain(err)
	}
	return printLine(os.Stdout, value)
}
