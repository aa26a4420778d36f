// Lines measures muster map beside xargs and GNU parallel: the same lines, each
// given to echo, in turn and several rounds. It prints a table in Markdown, and
// with -update puts it into a document between its two lines markers.
//
//	go run ./lines -update ../docs/performance.md
//
// It builds muster, and starts a broker and two worker processes on the loopback
// interface, with temporary files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/musterfleet/muster/bench/report"
	"github.com/musterfleet/muster/bench/work"
)

type options struct {
	lines, forks, rounds int
	update               string
}

func main() {
	var o options
	flag.IntVar(&o.lines, "lines", 1_000_000, "`how many` lines for what starts no process a line")
	flag.IntVar(&o.forks, "forks", 4_000, "`how many` lines for what starts a process a line")
	flag.IntVar(&o.rounds, "rounds", 3, "how many times to measure everything")
	flag.StringVar(&o.update, "update", "", "put the table into the Markdown `FILE`, between its two lines markers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lines:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "muster-lines-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := startFleet(ctx, dir)
	if err != nil {
		return err
	}
	defer f.stop()
	ways := f.ways(o)
	began, machine := time.Now(), work.Machine()
	for round := range o.rounds {
		for i := range ways { // each round starts with another
			w := &ways[(i+round)%len(ways)]
			if err := w.measure(ctx, dir); err != nil {
				return err
			}
		}
	}
	text := table(ways, o.rounds, began, machine)
	if o.update == "" {
		_, err = io.WriteString(out, text)
		return err
	}
	return report.Replace(o.update, "lines", text)
}

// way is a way to have each line echoed.
type way struct {
	command []string
	note    string
	lines   int
	env     []string

	rates []float64 // lines a second, a round each
	peak  int       // the most memory of the process that was started, in KiB
}

// errDiffers says that what was printed is not what was read.
var errDiffers = errors.New("the output is not the input")

// measure has lines echoed once.
func (w *way) measure(ctx context.Context, dir string) error {
	file, err := os.Create(filepath.Join(dir, "lines"))
	if err != nil {
		return err
	}
	defer file.Close()
	var lines strings.Builder
	for i := range w.lines {
		fmt.Fprintln(&lines, i)
	}
	if _, err := file.WriteString(lines.String()); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, w.command[0], w.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = file, &stdout, &stderr, w.env
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	memory := watchMemory(cmd.Process.Pid)
	err = cmd.Wait()
	peak := memory()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", w, err, &stderr)
	}
	w.rates = append(w.rates, float64(w.lines)/time.Since(began).Seconds())
	w.peak = max(w.peak, peak)
	got := stdout.String()
	if w.unordered() {
		got = strings.Join(slices.SortedFunc(strings.Lines(got), byNumber), "")
	}
	if got != lines.String() {
		return fmt.Errorf("%s: %w", w, errDiffers)
	}
	return nil
}

func (w *way) String() string {
	return strings.Join(append([]string{filepath.Base(w.command[0])}, w.command[1:]...), " ")
}

// unordered reports whether lines may be printed in any order.
func (w *way) unordered() bool {
	return slices.Contains(w.command, "--unordered") || slices.Contains(w.command, "-P2")
}

func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// table shows what was measured.
func table(ways []way, rounds int, began time.Time, machine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Taken %s on %s. %d rounds in turn; the median and, in brackets, the least and the most.\n\n",
		began.UTC().Format("2006-01-02 15:04 UTC"), machine, rounds)
	b.WriteString("| command | lines | lines/s | peak memory, MB | |\n|---|---:|---:|---:|---|\n")
	for _, w := range ways {
		slices.Sort(w.rates)
		fmt.Fprintf(&b, "| `%s` | %s | %s (%s … %s) | %.0f | %s |\n", &w, report.Number(float64(w.lines), 0),
			report.Number(w.rates[len(w.rates)/2], 0), report.Number(w.rates[0], 0), report.Number(w.rates[len(w.rates)-1], 0),
			float64(w.peak)*1.024/1000, w.note)
	}
	return b.String()
}
