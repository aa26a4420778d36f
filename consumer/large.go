package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
)

// values asks the supervisor for large arguments, and to store large results. The values
// go through pipes, so that they are in memory here alone; the supervisor alone speaks to
// the object store.
type values struct {
	link *link.Conn

	mu      sync.Mutex
	number  uint64
	answers chan value // to the request with that number; nil for none
}

// value is an answer of the supervisor.
type value struct {
	link.Value
	pipe *os.File // the process's end; nil with the last answer
}

// ask sends a request about the running task, and returns the last answer. Meanwhile it
// calls transfer with each pipe that comes, until ctx ends.
func (v *values) ask(ctx context.Context, kind link.Kind, request link.Value, transfer func(pipe *os.File, size uint64)) (link.Value, error) {
	answers := make(chan value, 2) // a pipe, and how it ended
	v.mu.Lock()
	v.number++
	request.Task = v.number
	v.answers = answers
	v.mu.Unlock()
	defer v.forget()
	err := v.link.SendWait(kind, nil, func(dst []byte) []byte { return link.AppendValue(dst, &request) })
	if err != nil {
		return link.Value{}, err
	}
	for {
		select {
		case a := <-answers:
			if a.pipe == nil {
				return a.Value, nil
			}
			stop := context.AfterFunc(ctx, func() { _ = a.pipe.SetDeadline(time.Unix(1, 0)) })
			transfer(a.pipe, a.Size)
			stop()
			_ = a.pipe.Close()
		case <-ctx.Done():
			return link.Value{}, context.Cause(ctx)
		}
	}
}

// forget has answers to the last request dropped.
func (v *values) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.answers) > 0 {
		(<-v.answers).drop()
	}
	v.answers = nil
}

// drop closes the pipe of an answer that is not used.
func (a value) drop() {
	if a.pipe != nil {
		_ = a.pipe.Close()
	}
}

// answer takes an answer. One that nobody waits for any more is dropped, and so is a pipe
// in whose place there is another already.
func (v *values) answer(f link.Frame) error {
	a, err := link.ReadValue(f.Payload)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.answers == nil || a.Task != v.number {
		return f.Close()
	}
	if len(v.answers) == cap(v.answers) {
		select {
		case old := <-v.answers:
			old.drop()
		default:
		}
	}
	v.answers <- value{a, f.File} // there is room: nobody else sends
	return nil
}

// argument returns a task's encoded argument, which it asks for if it is large: until
// the task's context ends, at its limit, its deadline or when it is killed.
func (e *executor) argument(ctx *taskContext, t *codec.Task) (argument, *codec.Failure) {
	if t.Object == "" {
		return argument{data: t.Arg}, nil
	}
	data, failure := e.fetch(ctx, t)
	return argument{data: data, own: true}, failure
}

func (e *executor) fetch(ctx *taskContext, t *codec.Task) ([]byte, *codec.Failure) {
	var data []byte
	broken := errors.New("the argument came without its content")
	a, err := e.ask(ctx, link.KindFetch, e.request(link.Value{Text: t.Object}), func(pipe *os.File, size uint64) {
		if size > uint64(e.MaxValue) {
			broken = fmt.Errorf("an argument of %d bytes; at most %d are taken", size, e.MaxValue)
			return
		}
		data = make([]byte, size)
		_, broken = io.ReadFull(pipe, data)
	})
	if err == nil && a.Code == "" {
		err = broken
	}
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &codec.Failure{Code: codec.CodeExpired, Message: fmt.Sprintf("while its argument was fetched: %v", err)}
	case err != nil:
		return nil, &codec.Failure{Code: codec.CodeArgument, Message: err.Error()}
	case a.Code != "":
		return nil, &codec.Failure{Code: codec.Code(a.Code), Message: a.Text}
	}
	return data, nil
}

// ask asks the supervisor, and has a goroutine read the answers.
func (e *executor) ask(ctx context.Context, kind link.Kind, request link.Value, transfer func(*os.File, uint64)) (link.Value, error) {
	go e.Listen()
	return e.values.ask(ctx, kind, request, transfer)
}

// request completes a request about the running task.
func (e *executor) request(v link.Value) link.Value {
	v.Run, v.Index = e.run.ID, uint64(e.index)
	return v
}

// large has a task's result stored that no message carries, and returns its object's
// name. The task's limit stops it as it stops the handler; its deadline does not.
func (e *executor) large(ctx *taskContext, result *codec.Encoded) (name string, failure *codec.Failure) {
	if int64(result.Len()) > e.MaxValue {
		return "", &codec.Failure{Code: codec.CodeTooLarge, Message: fmt.Sprintf(
			"the result has %d bytes, workers return at most %d", result.Len(), e.MaxValue)}
	}
	a, err := e.store(ctx, result)
	if err != nil && ctx.Err() != nil && ctx.stoppedFor() == "" {
		a, err = e.store(context.Background(), result)
	}
	switch {
	case err != nil:
		return "", &codec.Failure{Code: codec.CodeResult, Message: err.Error()}
	case a.Code != "":
		return "", &codec.Failure{Code: codec.Code(a.Code), Message: a.Text}
	}
	return a.Text, nil
}

func (e *executor) store(ctx context.Context, result *codec.Encoded) (link.Value, error) {
	request := e.request(link.Value{Size: uint64(result.Len())})
	return e.ask(ctx, link.KindStore, request, func(pipe *os.File, _ uint64) {
		_, _ = result.WriteTo(pipe) // the next answer says whether the supervisor has read it
	})
}
