package main

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// mapping is one run of muster map.
type mapping struct {
	client    clientFlags
	task      taskFlags
	options   []producer.CallOption
	unordered bool
	keepGoing bool
	chunk     int
	null      bool
	raw       bool
}

func mapCommand() *cobra.Command {
	var m mapping
	cmd := &cobra.Command{
		Use:   "map FUNC",
		Short: "Run a task per line of stdin and print the results",
		Long: `Map runs one task of FUNC per line of stdin and prints the results, one per line,
in the order of the input. A line is JSON where it parses as JSON, else a string.
A string result is printed as it is, any other as JSON.

The first line that fails ends it with status 1. Input may be endless: only some
thousand lines are read ahead of the result that is printed next.`,
		Example: `  seq 1 2000 | muster map is_prime
  muster map --raw sha256 < /etc/services
  find . -print0 | muster map --null --raw --unordered sha256`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := codec.NewFunc[item, result](args[0])
			if err := f.Check(); err != nil {
				return err
			}
			if cmd.Flags().Changed("chunk") && (m.chunk < 1 || m.chunk > codec.MaxTasks) {
				return usage("--chunk %d: the number must be from 1 to %d", m.chunk, codec.MaxTasks)
			}
			var err error
			if m.options, err = m.task.options(cmd); err != nil {
				return err
			}
			if m.chunk > 0 {
				m.options = append(m.options, producer.Chunk(m.chunk))
			}
			// A reader that ends shows as an error of writing, so that the tasks
			// which it leaves behind can be cancelled.
			signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
			return m.client.with(cmd.Context(), func(c *producer.Client) error {
				return m.run(cmd.Context(), c, f)
			})
		},
	}
	m.client.add(cmd)
	m.task.add(cmd)
	cmd.Flags().BoolVar(&m.unordered, "unordered", false, "print each result as soon as it is there")
	cmd.Flags().BoolVar(&m.keepGoing, "keep-going", false, "report a line that fails on stderr, and go on; the status is 1 all the same")
	cmd.Flags().IntVar(&m.chunk, "chunk", 0, "send `N` lines at a time, to be run one after the other (default: by their run time)")
	cmd.Flags().BoolVar(&m.null, "null", false, "items of the input end in NUL, not newline")
	cmd.Flags().BoolVar(&m.raw, "raw", false, "take every line as a string")
	return cmd
}

func (m *mapping) run(ctx context.Context, c *producer.Client, f codec.Func[item, result]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := byte('\n')
	if m.null {
		end = 0
	}
	in := newLines(os.Stdin, end, m.raw)
	out := newOutput(os.Stdout, cancel)
	err := m.print(ctx, m.results(ctx, c, f, in.items()), out)
	switch werr := out.close(); {
	case errors.Is(werr, syscall.EPIPE):
		return errBrokenPipe
	case werr != nil:
		return werr
	case err != nil && err != errReported:
		return err // and the input may still be read
	case in.err != nil:
		return in.err
	}
	return err
}

// results gives the results in the order that was asked for.
func (m *mapping) results(ctx context.Context, c *producer.Client, f codec.Func[item, result], items iter.Seq[item]) iter.Seq2[producer.Indexed[result], error] {
	if m.unordered {
		return producer.MapUnordered(ctx, c, f, items, m.options...)
	}
	return func(yield func(producer.Indexed[result], error) bool) {
		index := 0
		for value, err := range producer.Map(ctx, c, f, items, m.options...) {
			if !yield(producer.Indexed[result]{Index: index, Value: value}, err) {
				return
			}
			index++
		}
	}
}

// print prints results until one fails, or all and reports those that fail.
func (m *mapping) print(ctx context.Context, results iter.Seq2[producer.Indexed[result], error], out *output) error {
	var line []byte
	var failed error
	for r, err := range results {
		if err == nil {
			line, err = appendLine(line[:0], r.Value)
		}
		switch {
		case ctx.Err() != nil:
			return because(ctx, err)
		case err == nil:
			out.add(line)
		case !m.keepGoing:
			return lineError{r.Index + 1, plain(err)}
		default:
			failed = errReported
			report("%s", oneLine(lineError{r.Index + 1, plain(err)}))
		}
	}
	return because(ctx, failed)
}
