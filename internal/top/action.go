package top

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/musterfleet/muster/fleet"
)

// actTimeout bounds what a key does.
const actTimeout = 10 * time.Second

// action is what a key in upper case does, once it is confirmed.
type action struct {
	key, what string
	needs     string            // what must be chosen for it
	fits      func(target) bool // whether it is
	asks      bool              // for a number, in place of yes or no
	question  func(target) string
	do        func(context.Context, *fleet.Fleet, target, int) (done string, err error)
}

var actions = []action{
	{
		key: "D", what: "drain the host", needs: "a host",
		fits: func(t target) bool { return t.host != "" },
		question: func(t target) string {
			return fmt.Sprintf("Drain host %s (%s)? It finishes what it runs, and ends.", t.hostName, t.host)
		},
		do: func(ctx context.Context, f *fleet.Fleet, t target, _ int) (string, error) {
			return fmt.Sprintf("host %s drains", t.hostName), f.DrainHost(ctx, t.host)
		},
	},
	{
		key: "R", what: "resize the host", needs: "a host", asks: true,
		fits:     func(t target) bool { return t.host != "" },
		question: func(t target) string { return fmt.Sprintf("Worker processes of host %s (%s):", t.hostName, t.host) },
		do: func(ctx context.Context, f *fleet.Fleet, t target, n int) (string, error) {
			return fmt.Sprintf("host %s is resized to %d", t.hostName, n), f.ResizeHost(ctx, t.host, n)
		},
	},
	{
		key: "P", what: "pause the queue", needs: "a queue",
		fits:     func(t target) bool { return t.queue != "" },
		question: func(t target) string { return fmt.Sprintf("Pause queue %s? What runs goes on.", t.queue) },
		do: func(ctx context.Context, f *fleet.Fleet, t target, _ int) (string, error) {
			return fmt.Sprintf("queue %s is paused", t.queue), f.Pause(ctx, t.queue)
		},
	},
	{
		key: "U", what: "resume the queue", needs: "a queue",
		fits:     func(t target) bool { return t.queue != "" },
		question: func(t target) string { return fmt.Sprintf("Resume queue %s?", t.queue) },
		do: func(ctx context.Context, f *fleet.Fleet, t target, _ int) (string, error) {
			return fmt.Sprintf("queue %s is resumed", t.queue), f.Resume(ctx, t.queue)
		},
	},
	{
		key: "K", what: "kill the process", needs: "a process",
		fits: func(t target) bool { return t.pid != 0 && t.host != "" },
		question: func(t target) string {
			return fmt.Sprintf("Kill process %d of host %s? Its task is charged an attempt.", t.pid, t.hostName)
		},
		do: func(ctx context.Context, f *fleet.Fleet, t target, _ int) (string, error) {
			return fmt.Sprintf("process %d is killed", t.pid), f.KillProcess(ctx, t.host, t.pid)
		},
	},
	{
		key: "X", what: "retry the dead letter", needs: "a dead letter",
		fits:     func(t target) bool { return t.letter != "" },
		question: func(t target) string { return fmt.Sprintf("Retry dead letter %s?", t.letter) },
		do: func(ctx context.Context, f *fleet.Fleet, t target, _ int) (string, error) {
			id, err := f.RetryDead(ctx, t.letter)
			return fmt.Sprintf("%s is retried as task %s", t.letter, id), err
		},
	},
}

// actedMsg tells what became of an action.
type actedMsg struct {
	done string
	err  error
}

// act does what was confirmed, in the background.
func (m *model) act(p prompt, n int) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, actTimeout)
		defer cancel()
		done, err := p.action.do(ctx, m.fleet, p.to, n)
		return actedMsg{done, err}
	}
}
