package main

import (
	"fmt"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar is a progress bar on stderr, or nothing if that is no terminal.
type bar struct {
	tasks int
	shown *progressbar.ProgressBar
}

func newBar(tasks int) *bar {
	return &bar{tasks, progressbar.NewOptions(tasks,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetVisibility(term.IsTerminal(int(os.Stderr.Fd()))),
		progressbar.OptionSetDescription(" "),
		progressbar.OptionSetWidth(40),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)}
}

// What a progress bar cannot show is no loss.

func (b *bar) add() { _ = b.shown.Add(1) }

func (b *bar) clear() { _ = b.shown.Clear() }

// say prints a line to stdout in place of the bar, which goes on below it.
func (b *bar) say(format string, args ...any) {
	b.clear()
	fmt.Printf(format+"\n", args...)
}
