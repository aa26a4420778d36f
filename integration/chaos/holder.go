package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// tellEvery is after how many outcomes a client tells its test.
const tellEvery = 20

// holder holds a client's futures until they are done.
type holder struct {
	*recorder
	client string
	places chan struct{} // an element for each future that is pending
	done   atomic.Int64
}

// hold notes the outcome of a future that has a place, and must have an outcome.
func (h *holder) hold(f *producer.Future[uint64]) {
	f.OnDone(func(f *producer.Future[uint64]) {
		h.note(f)
		if done := h.done.Add(1); done%tellEvery == 0 {
			fmt.Println("done", done)
		}
		<-h.places
	})
}

// watch notes the outcome of a future if there ever is one, while the client
// lives.
func (h *holder) watch(f *producer.Future[uint64]) {
	f.OnDone(func(f *producer.Future[uint64]) {
		if !errors.Is(f.Err(context.Background()), producer.ErrClosed) {
			h.note(f)
		}
	})
}

func (h *holder) note(f *producer.Future[uint64]) {
	value, err := f.Result(context.Background())
	r := outcome(f.ID(), value, err)
	r.Client = h.client
	h.add(r)
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
