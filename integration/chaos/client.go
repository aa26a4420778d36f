package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/musterfleet/muster/producer"
)

const (
	// maxPending bounds the futures that a client holds at once.
	maxPending = 2000
	// acceptEvery is after how many tasks a client waits until they are stored.
	acceptEvery = 100
)

// playClient submits tasks and notes what becomes of them. It prints how many
// futures are done, now and then, and ends when all of them are.
//
// It may be killed at any time. Its successor reads in the history how far it has
// come, attaches to the durable tasks that it has noted no outcome of, and goes
// on from there. The others' futures have died with it.
func playClient(p params, told <-chan string) {
	path := os.Getenv(historyEnv)
	h, err := openRecorder(path)
	must(err)
	ctx := context.Background()
	c, err := producer.Connect(ctx, p.URL, producer.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUnstarted)
	}
	fmt.Println("ready")
	x, err := recall(path)
	must(err)
	h.add(record{Event: connected, Client: c.ID()})
	holder := &holder{recorder: h, client: c.ID(), places: make(chan struct{}, maxPending)}
	awaited := holder.attachAll(ctx, c, x, p)
	holder.done.Store(int64(max(0, x.next-awaited)))

	stop := x.stopped
	for n := x.next; !stop && (p.Tasks == 0 || n < p.Tasks); n++ {
		select {
		case <-told:
			stop = true
			continue
		case holder.places <- struct{}{}:
		}
		j := drawJob(p.Seed, n, p.Varied)
		f, err := producer.Submit(ctx, c, j.fn(), j, j.options()...)
		must(err)
		h.add(record{
			Event: submitted, Client: c.ID(), Task: f.ID().String(), N: n, Arg: j.Arg, Deaths: j.Deaths, Budget: j.Budget,
			Errors: j.Errors, Attempts: j.Attempts, Durable: j.Durable, Key: j.Key, Note: j.Manner,
		})
		holder.hold(f)
		if n%acceptEvery == acceptEvery-1 {
			must(c.Flush(ctx))
			h.add(record{Event: accepted, Client: c.ID()})
		}
	}
	must(c.Flush(ctx))
	h.add(record{Event: accepted, Client: c.ID()})
	for range maxPending {
		holder.places <- struct{}{}
	}
	must(c.Close(ctx))
}
