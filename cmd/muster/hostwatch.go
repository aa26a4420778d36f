package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/text"
)

const (
	// silentFor is how long nothing comes back until a command looks why.
	silentFor = time.Second
	// lookTimeout bounds one look.
	lookTimeout = 5 * time.Second
	// listenFor is how long hosts may take to answer.
	listenFor = 300 * time.Millisecond
	// maxLookInterval bounds the time between two looks while all seems well: tasks may
	// take long, and every look has all hosts answer.
	maxLookInterval = time.Minute
)

// hostWatch tells a user on stderr why nothing comes back, if that is because no worker
// host takes the tasks. It never fails: where it cannot know, it says nothing.
type hostWatch struct {
	at    *connection
	queue string // empty if it is not known: then any host will do
	name  string // of the func, or empty
	say   func(line string)

	pending func() int  // tasks without an outcome, or nil if there always is one
	heard   atomic.Bool // something has come back lately
	end     context.CancelFunc
	gone    sync.WaitGroup
}

// start begins to look when nothing is heard for a while after delay, until close.
func (w *hostWatch) start(ctx context.Context, delay time.Duration) *hostWatch {
	ctx, w.end = context.WithCancel(ctx)
	w.gone.Go(func() { w.watch(ctx, delay) })
	return w
}

// hear notes that something has come back. It may be called of nil.
func (w *hostWatch) hear() {
	if w != nil && !w.heard.Load() {
		w.heard.Store(true)
	}
}

// close ends the watch.
func (w *hostWatch) close() {
	w.end()
	w.gone.Wait()
}

func (w *hostWatch) watch(ctx context.Context, delay time.Duration) {
	told, interval := "", silentFor
	timer := time.NewTimer(delay + interval)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if w.heard.Swap(false) {
			told, interval = "", silentFor
			timer.Reset(interval)
			continue
		}
		if w.pending != nil && w.pending() == 0 {
			timer.Reset(silentFor)
			continue
		}
		problem, known := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case w.heard.Load():
		case known && problem != "":
			if problem != told {
				w.say("muster: " + problem)
			}
			told, interval = problem, silentFor
		default:
			if known {
				told = ""
			}
			interval = min(5*interval, maxLookInterval)
		}
		timer.Reset(interval)
	}
}

// look returns why no worker host takes the tasks, and nothing if one does. It reports
// false if it cannot know.
func (w *hostWatch) look(ctx context.Context) (problem string, known bool) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	nc, err := broker.Dial(ctx, w.at.url, broker.Config{Name: "muster", Credentials: w.at.who, Options: []nats.Option{nats.NoReconnect()}})
	if err != nil {
		return "", false
	}
	defer nc.Close()
	lanes, looked := w.lanes(ctx, nc)
	if looked && lanes.paused {
		return fmt.Sprintf("queue %q is paused; waiting until somebody resumes it (muster queue resume %[1]s)", w.queue), true
	}
	hosts, err := fleet.Listen(ctx, nc, listenFor)
	if err != nil || broker.Refusal(nc) != "" {
		// This user may not hear hosts: the queue tells whether somebody pulls.
		if !looked || lanes.pulled {
			return "", looked
		}
		return w.nobody(nil), true
	}
	if problem = w.judge(hosts); problem != "" && lanes.pulled && !w.served(hosts) {
		problem = "" // by a worker that is not one of Muster's hosts
	}
	return problem, true
}

// pulls is what a queue tells of who takes its tasks.
type pulls struct{ paused, pulled bool }

// lanes looks at the lanes of the queue. It reports false if the user may not, or there
// is no queue to look at.
func (w *hostWatch) lanes(ctx context.Context, nc *nats.Conn) (p pulls, ok bool) {
	if w.queue == "" {
		return p, false
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return p, false
	}
	p.paused = true
	for _, lane := range broker.Lanes {
		info, err := broker.UnlessRefused(ctx, nc, func(ctx context.Context) (broker.LaneInfo, error) {
			return broker.LookAtLane(ctx, js, w.queue, lane)
		})
		if err != nil {
			return p, false
		}
		p.paused = p.paused && info.Paused
		p.pulled = p.pulled || info.Pulls > 0
	}
	return p, true
}

// served reports whether a host that was heard is of the queue.
func (w *hostWatch) served(hosts []fleet.Host) bool {
	return slices.ContainsFunc(hosts, func(h fleet.Host) bool { return w.queue == "" || h.ServesQueue(w.queue) })
}

// judge returns why none of the hosts takes the tasks, and nothing if one does.
func (w *hostWatch) judge(hosts []fleet.Host) string {
	var queues, idle []string
	lacks := false
	for _, h := range hosts {
		switch {
		case h.State == codec.HostStopped:
		case w.queue != "" && !h.ServesQueue(w.queue):
			queues = append(queues, h.QueueText())
		case h.State == codec.HostDraining, h.State == codec.HostUnhealthy:
			idle = append(idle, fmt.Sprintf("%s is %s", h.Host, h.State))
		case h.Want == 0:
			idle = append(idle, h.Host+" has no worker processes")
		case w.name != "" && len(h.Funcs) > 0 && !slices.Contains(h.Funcs, w.name):
			lacks = true
		default:
			return ""
		}
	}
	switch {
	case lacks:
		return fmt.Sprintf("no worker host of queue %q has func %q; waiting for one that has, or press Ctrl-C to cancel", w.queue, w.name)
	case len(idle) > 0:
		const shown = 3
		slices.Sort(idle)
		if more := len(idle) - shown; more > 0 {
			idle = append(idle[:shown], fmt.Sprintf("and so are %d more", more))
		}
		return fmt.Sprintf("no worker host takes tasks: %s; waiting, or press Ctrl-C to cancel", printable(strings.Join(idle, ", ")))
	}
	return w.nobody(queues)
}

// nobody says that there is no host, and which queue may have been meant of those that
// are served.
func (w *hostWatch) nobody(queues []string) string {
	if w.queue == "" {
		return "no worker host is there; waiting (start one with muster worker), or press Ctrl-C to end"
	}
	meant := ""
	if closest := text.Closest(w.queue, queues); closest != "" {
		meant = fmt.Sprintf(" (did you mean %q?)", closest)
	}
	return fmt.Sprintf("no worker host serves queue %q; waiting%s: start one with muster worker --queue %[1]s, or press Ctrl-C to cancel", w.queue, meant)
}
