package fleet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// Host is what was heard of a worker host last.
type Host struct {
	codec.HostStatus
	Seen time.Time // when that was, by the watcher's clock
	Lost bool      // nothing was heard for 5 seconds, and it has not said that it stops
}

// Watch follows the worker hosts of a fleet. It is safe for concurrent use.
type Watch struct {
	nc      *nats.Conn
	sub     *nats.Subscription
	roster  *roster
	updates chan codec.HostStatus
	end     context.CancelFunc
	gone    sync.WaitGroup
}

const (
	// watchEvery is how often hosts hear that they are watched: several messages
	// may be lost until one stops to tell what ended.
	watchEvery = 3 * time.Second
	// watchAgain is how soon they hear it again where a new one is heard, which may
	// have begun too late to hear it before.
	watchAgain = time.Second
	// maxUpdates is how many updates wait for a reader that is slow.
	maxUpdates = 256
)

// Watch follows the hosts until ctx ends or [Watch.Close]. While it does, they
// tell what tasks ended, too.
func (f *Fleet) Watch(ctx context.Context) (*Watch, error) { return f.watch(ctx, watchEvery) }

func (f *Fleet) watch(ctx context.Context, every time.Duration) (*Watch, error) {
	w := &Watch{nc: f.nc, roster: newRoster(), updates: make(chan codec.HostStatus, maxUpdates)}
	beats := make(chan *nats.Msg, maxHosts)
	var err error
	if w.sub, err = f.nc.ChanSubscribe(broker.HostWildcard, beats); err != nil {
		return nil, fmt.Errorf("fleet: listening to hosts: %w", err)
	}
	ctx, w.end = context.WithCancel(ctx)
	w.gone.Go(func() { w.follow(ctx, beats, every) })
	return w, nil
}

func (w *Watch) follow(ctx context.Context, beats <-chan *nats.Msg, every time.Duration) {
	defer close(w.updates)
	defer func() { _ = w.sub.Unsubscribe() }() // fails only when the connection is closed, which ended it
	var told time.Time
	tell := time.NewTimer(0)
	defer tell.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case told = <-tell.C:
			_ = w.nc.Publish(broker.WatchSubject, nil) // fails as heartbeats do, which Lost tells
			tell.Reset(every)
		case msg := <-beats:
			status, first, ok := w.roster.hear(msg.Subject, msg.Data, time.Now())
			if !ok {
				continue
			}
			if first {
				tell.Reset(time.Until(told.Add(watchAgain)))
			}
			w.pass(status)
		}
	}
}

// pass passes an update on, in place of the oldest if the reader is slow.
func (w *Watch) pass(status codec.HostStatus) {
	for {
		select {
		case w.updates <- status:
			return
		default:
		}
		select {
		case <-w.updates:
		default:
		}
	}
}

// Hosts returns what was heard last of each host, by name and id, without Spans.
// A host is forgotten after a minute of silence.
func (w *Watch) Hosts() []Host { return w.roster.hosts(time.Now()) }

// Updates returns a channel of all that hosts tell, with Spans. Of a reader that is
// slow the oldest are dropped. It is closed when the watch has ended.
func (w *Watch) Updates() <-chan codec.HostStatus { return w.updates }

// Close ends the watch.
func (w *Watch) Close() {
	w.end()
	w.gone.Wait()
}
