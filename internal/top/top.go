package top

import (
	"context"
	"fmt"
	"log/slog"

	tea "charm.land/bubbletea/v2"

	"github.com/musterfleet/muster/fleet"
)

// Run shows the fleet at url, as [fleet.Connect] finds it, in the terminal that
// stdin and stdout are, until the user quits, or ctx ends with its cause as error.
// A broker that is lost meanwhile is waited for.
func Run(ctx context.Context, url string, options ...fleet.Option) error {
	var l link
	// A log line would tear the picture apart; what it would tell is shown.
	options = append(options, fleet.WithLogger(slog.New(slog.DiscardHandler)), fleet.WithNATS(l.options()...))
	f, err := fleet.Connect(ctx, url, options...)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := f.Watch(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	calls, cancel := context.WithCancel(ctx)
	defer cancel() // what is under way when the user quits
	program := tea.NewProgram(newModel(calls, f, w, &l), tea.WithContext(ctx), tea.WithoutSignalHandler())
	if _, err := program.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("showing the fleet: %w", err)
	}
	return nil
}
