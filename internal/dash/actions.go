package dash

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/musterfleet/muster/codec"
)

// action is something that a viewer may have done.
type action struct {
	verb   string
	label  string   // of the button
	asks   string   // what is asked before; empty for what does no harm
	done   string   // what is said after
	fields []string // that the form has
	// do does it, and returns the page to show then.
	do func(context.Context, *Server, url.Values) (string, error)
}

// actions are what viewers may have done, by the last part of the path.
var actions = map[string]*action{
	"pause": {
		"pause", "Pause…", "Nothing more of this queue is delivered until it is resumed. What runs goes on, and tasks can be submitted.",
		"The queue is paused.", []string{"queue"}, pause,
	},
	"resume": {
		"resume", "Resume", "", "The queue is resumed.", []string{"queue"}, resume,
	},
	"drain": {
		"drain", "Drain…", "The host finishes what runs, leaves the rest to others, and ends. A service manager may start it again.",
		"The host is draining.", []string{"host"}, drain,
	},
	"resize": {
		"resize", "Resize", "", "The host is being resized.", []string{"host", "processes"}, resize,
	},
	"kill": {
		"kill", "Kill…", "The process is killed with all that it has started. The task that it runs is charged an attempt, as by any death.",
		"The process is being killed.", []string{"host", "pid"}, kill,
	},
	"retry": {
		"retry", "Retry", "", "The task was submitted anew; this is the new one.", []string{"id"}, retry,
	},
	"remove": {
		"remove", "Remove…", "The dead letter is gone for good then.", "The dead letter was removed.", []string{"id"}, remove,
	},
	"cancel": {
		"cancel", "Cancel…", "The task is not started, and stopped if it runs. Its caller learns that it was cancelled. If it had its outcome already, nothing changes.",
		"Hosts were asked to cancel the task; its outcome tells whether that came in time.", []string{"id"}, cancel,
	},
}

func pause(ctx context.Context, s *Server, form url.Values) (string, error) {
	return "/queues/" + url.PathEscape(form.Get("queue")), s.cfg.Fleet.Pause(ctx, form.Get("queue"))
}

func resume(ctx context.Context, s *Server, form url.Values) (string, error) {
	return "/queues/" + url.PathEscape(form.Get("queue")), s.cfg.Fleet.Resume(ctx, form.Get("queue"))
}

func drain(ctx context.Context, s *Server, form url.Values) (string, error) {
	return hostPage(form), s.cfg.Fleet.DrainHost(ctx, form.Get("host"))
}

func resize(ctx context.Context, s *Server, form url.Values) (string, error) {
	n, err := strconv.Atoi(form.Get("processes"))
	if err != nil {
		return "", fmt.Errorf("%.20q is no number of processes", form.Get("processes"))
	}
	return hostPage(form), s.cfg.Fleet.ResizeHost(ctx, form.Get("host"), n)
}

func kill(ctx context.Context, s *Server, form url.Values) (string, error) {
	pid, err := strconv.Atoi(form.Get("pid"))
	if err != nil {
		return "", fmt.Errorf("%.20q is no process id", form.Get("pid"))
	}
	return hostPage(form), s.cfg.Fleet.KillProcess(ctx, form.Get("host"), pid)
}

func retry(ctx context.Context, s *Server, form url.Values) (string, error) {
	defer s.letters.stale()
	renewed, err := s.cfg.Fleet.RetryDead(ctx, form.Get("id"))
	return "/tasks/" + url.PathEscape(renewed.String()), err
}

func remove(ctx context.Context, s *Server, form url.Values) (string, error) {
	defer s.letters.stale()
	return "/dead", s.cfg.Fleet.RemoveDead(ctx, form.Get("id"))
}

func cancel(ctx context.Context, s *Server, form url.Values) (string, error) {
	id, err := codec.ParseID(form.Get("id"))
	if err == nil && s.cfg.Client == nil {
		err = errors.New("muster dash was started without a client that could cancel tasks")
	}
	if err != nil {
		return "", err
	}
	return "/tasks/" + url.PathEscape(id.String()), s.cfg.Client.Kill(ctx, id)
}

func hostPage(form url.Values) string { return "/hosts/" + url.PathEscape(form.Get("host")) }
