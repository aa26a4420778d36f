package main

import (
	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/internal/shellmap"
	"github.com/musterfleet/muster/producer"
)

// mapping is one run of muster map.
type mapping struct {
	client    clientFlags
	task      taskFlags
	f         codec.Func[item, result]
	options   []producer.CallOption
	keepOrder bool
	unordered bool
	keepGoing bool
	halt      shellmap.Halt
	chunk     int
	null      bool
	raw       bool
	joblog    string
	resume    bool
	dryRun    bool
}

func mapCommand() *cobra.Command {
	var m mapping
	cmd := &cobra.Command{
		Use:   "map FUNC",
		Short: "Run a task per line of stdin and print the results",
		Long: `Map runs one task of FUNC per line of stdin and prints the results, one per line,
in the order of the input. A line is JSON where it parses as JSON, else a string.
A string result is printed as it is, any other as JSON. A number of JSON with a
fraction or an exponent is a float of 64 bits, so that 1.10 becomes 1.1 and 7.0
becomes 7, and an integer of more than 64 bits is refused: --raw takes every line as
the string that it is.

The first line that fails ends it with status 1, and cancels what has not started.
With --halt N, or now,fail=N, it is the N-th that does, and those before are
reported on stderr; with soon,fail=N no more is read then, but what is under way is
waited for and printed; never is --keep-going. What counts is when a line fails, not
when its turn to be printed comes; lines before it have a moment to end.

An interrupt ends the reading, and what is under way is waited for and printed. A
second one, SIGTERM, SIGQUIT, or SIGHUP when the terminal is closed (unless under
nohup), cancels what has not started; so does the end of the program that reads the results.
What runs goes on, and its result is dropped. The status is 1 unless nothing was left to
do. A kill -9 cancels nothing: all tasks that were submitted run.

--joblog FILE keeps a line for each item that has ended. Its columns, between tabs,
are Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval and Signal, as in GNU
parallel except that it starts when the task is submitted, the time is that of its
last attempt, and of what is done there is no Host; then Task, Hash, Func and Item.
Exitval is 0 if the item is done, or else what its process ended with: the exit status,
or 128 and the number of the signal, whose name is in Signal. It is 124 after a time
limit or deadline, 127 if no host has the func, 130 if the task was cancelled, and 1
for any other error.

With --resume the items that are not done are run, failed ones too, unless the input
has changed. The line of a result is written after it, so a kill loses no result, but
the last ones may be printed again: to have each once, first cut the results to as
many bytes as Receive adds up to. An item that had ended when a run was cut off is run
again if one before it had not, so that results stay in order; with --unordered it is
done. After a kill -9 those under way are run again too.

Input may be endless: at most 16,384 lines, or 32 MB with their results, are read
ahead of the result that is printed next, also while that is slow. If no worker host
takes the tasks, a line on stderr says so after a second. If stderr is a terminal and stdout
is not, it shows how much is done and has failed and, of a file, how long the rest
will take.`,
		Example: `  seq 1 2000 | muster map is_prime
  muster map --raw sha256 < /etc/services
  find . -print0 | muster map --null --raw --unordered sha256
  muster map --joblog log --resume --retries 2 --timeout 30s FUNC < lines >> results`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := m.check(cmd, args[0]); err != nil {
				return err
			}
			// A reader that ends shows as an error of writing, so that the tasks
			// which it leaves behind can be cancelled.
			outliveReaders()
			ctx, stop := untilFatal(cmd.Context())
			defer stop()
			return m.run(ctx)
		},
	}
	m.client.add(cmd)
	m.task.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&m.keepOrder, "keep-order", true, "print the results in the order of the input")
	flags.BoolVar(&m.unordered, "unordered", false, "print each result as soon as it is there")
	flags.Var(&m.halt, "halt", "end at so many failures: N; now,fail=N; soon,fail=N; or never")
	flags.BoolVar(&m.keepGoing, "keep-going", false, "report a line that fails on stderr, and go on; the status is 1 all the same")
	flags.IntVar(&m.chunk, "chunk", 0, "send `N` lines at a time, to be run one after the other (default: by their run time)")
	flags.BoolVar(&m.null, "null", false, "items of the input end in NUL, not newline")
	flags.BoolVar(&m.raw, "raw", false, "take every line as a string")
	flags.StringVar(&m.joblog, "joblog", "", "write a line to `FILE` for each item that has ended")
	flags.BoolVar(&m.resume, "resume", false, "run only what is not done according to the job log")
	flags.BoolVar(&m.dryRun, "dry-run", false, "print the tasks as JSON, and run none; needs no broker")
	return cmd
}

// check makes of the flags what they come to.
func (m *mapping) check(cmd *cobra.Command, name string) error {
	m.f = codec.NewFunc[item, result](name, command.ListExitError())
	if err := m.f.Check(); err != nil {
		return err
	}
	if err := either(cmd, [2]string{"keep-order", "unordered"}, [2]string{"keep-going", "halt"}); err != nil {
		return err
	}
	m.unordered = m.unordered || !m.keepOrder
	switch {
	case cmd.Flags().Changed("chunk") && (m.chunk < 1 || m.chunk > codec.MaxTasks):
		return usage("--chunk %d: the number must be from 1 to %d", m.chunk, codec.MaxTasks)
	case cmd.Flags().Changed("joblog") && m.joblog == "":
		return usage("--joblog needs a file")
	case m.resume && m.joblog == "":
		return usage("--resume needs the --joblog to go on with")
	}
	if m.keepGoing {
		m.halt.Never = true
	}
	var err error
	m.options, err = m.task.options(cmd)
	if m.chunk > 0 {
		m.options = append(m.options, producer.Chunk(m.chunk))
	}
	return err
}
