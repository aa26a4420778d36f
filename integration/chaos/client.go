package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

const (
	// mostPending bounds the futures that a client holds at once.
	mostPending = 2000
	// acceptEvery is after how many tasks a client waits until they are stored.
	acceptEvery = 100
	// tellEvery is after how many outcomes a client tells its test.
	tellEvery = 20
)

// playClient submits tasks and notes what becomes of them. It prints how many
// futures are done, now and then, and ends when all of them are.
//
// A client that is killed is not among the faults yet, since its futures die
// with it. One that attaches to them would begin by holding, in the same way,
// a future for each task that the history has no outcome of.
func playClient(p params, told <-chan string) {
	h, err := openRecorder(os.Getenv(historyEnv))
	must(err)
	ctx := context.Background()
	c, err := producer.Connect(ctx, p.URL, producer.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))))
	must(err)
	fmt.Println("ready")
	holder := &holder{recorder: h, places: make(chan struct{}, mostPending)}
	for n := 0; p.Tasks == 0 || n < p.Tasks; n++ {
		select {
		case <-told:
			p.Tasks = n
			continue
		case holder.places <- struct{}{}:
		}
		j := drawJob(p.Seed, n, p.Varied)
		f, err := producer.Submit(ctx, c, j.fn(), j, producer.Crashes(j.Budget))
		must(err)
		h.add(record{
			Event: submitted, Client: c.ID(), Task: f.ID().String(), Arg: j.Arg, Deaths: j.Deaths, Budget: j.Budget, Note: j.Manner,
		})
		holder.hold(f)
		if n%acceptEvery == acceptEvery-1 {
			must(c.Flush(ctx))
			h.add(record{Event: accepted, Client: c.ID()})
		}
	}
	must(c.Flush(ctx))
	h.add(record{Event: accepted, Client: c.ID()})
	for range mostPending {
		holder.places <- struct{}{}
	}
	must(c.Close(ctx))
}

// holder holds futures until they are done.
type holder struct {
	*recorder
	places chan struct{} // an element for each future that is pending
	done   atomic.Int64
}

func (h *holder) hold(f *producer.Future[uint64]) {
	f.OnDone(func(f *producer.Future[uint64]) {
		value, err := f.Result(context.Background())
		h.add(outcome(f.ID(), value, err))
		if done := h.done.Add(1); done%tellEvery == 0 {
			fmt.Println("done", done)
		}
		<-h.places
	})
}

// outcome is the record of a future's outcome.
func outcome(id codec.ID, value uint64, err error) record {
	r := record{Event: settled, Task: id.String(), Value: value}
	var died *codec.WorkerDiedError
	var remote *codec.RemoteError
	switch {
	case err == nil:
	case errors.As(err, &died):
		r.Failure, r.Attempt = string(codec.CodeWorkerDied), died.Attempt
	case errors.As(err, &remote):
		r.Failure, r.Attempt, r.Note = string(remote.Code), remote.Attempt, remote.Message
	default:
		r.Failure, r.Note = "local", err.Error()
	}
	return r
}
