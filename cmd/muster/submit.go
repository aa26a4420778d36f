package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func submitCommand() *cobra.Command {
	var client clientFlags
	cmd := &cobra.Command{
		Use:   "submit FUNC [JSON]",
		Short: "Submit one task and print its result",
		Long: `Submit runs one task of FUNC, with the argument JSON or null, and prints its
result: a string as it is, any other as JSON. An interrupt cancels the task if it
has not started.`,
		Example: `  muster submit is_prime 112272535095293
  muster submit sha256 '"hello"'
  muster submit count_primes '{"from": 0, "to": 1000000}'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := "null"
			if len(args) == 2 {
				text = args[1]
			}
			if !isJSON([]byte(text)) {
				return usage("the argument %.60q is not JSON; a string is written with its quotes: '\"hello\"'", text)
			}
			f := codec.NewFunc[item, result](args[0])
			if err := f.Check(); err != nil {
				return err
			}
			return client.with(cmd.Context(), func(c *producer.Client) error {
				return submit(cmd.Context(), c, f, item{text: []byte(text)})
			})
		},
	}
	client.add(cmd)
	return cmd
}

func submit(ctx context.Context, c *producer.Client, f codec.Func[item, result], arg item) error {
	future, err := producer.Submit(ctx, c, f, arg)
	if err != nil {
		return because(ctx, plain(err))
	}
	value, err := future.Result(ctx)
	if err != nil && !future.State().Done() {
		future.Cancel()
		return because(ctx, err)
	}
	if err != nil {
		return plain(err)
	}
	line, err := appendLine(nil, value)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(line)
	return err
}
