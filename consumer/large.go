package consumer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
)

// values asks the supervisor for large arguments, and to store large results: those
// travel as open files, and the supervisor alone speaks to the object store.
type values struct {
	link *link.Conn

	mu      sync.Mutex
	number  uint64
	waiting chan value // of the request with that number; nil for none
}

// value is the supervisor's answer.
type value struct {
	link.Value
	file *os.File
}

// ask sends a request about the running task and waits for the answer, or until ctx
// ends.
func (v *values) ask(ctx context.Context, kind link.Kind, file *os.File, request link.Value) (value, error) {
	answer := make(chan value, 1)
	v.mu.Lock()
	v.number++
	request.Task = v.number
	v.waiting = answer
	v.mu.Unlock()
	err := v.link.SendWait(kind, file, func(dst []byte) []byte { return link.AppendValue(dst, &request) })
	if err != nil {
		return value{}, err
	}
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
	}
	v.mu.Lock()
	v.waiting = nil
	v.mu.Unlock()
	select {
	case a := <-answer: // it came at the same time
		return a, nil
	default:
		return value{}, context.Cause(ctx)
	}
}

// answer takes an answer. One that nobody waits for any more is dropped.
func (v *values) answer(f link.Frame) error {
	a, err := link.ReadValue(f.Payload)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.waiting == nil || a.Task != v.number {
		return f.Close()
	}
	v.waiting <- value{a, f.File}
	v.waiting = nil
	return nil
}

// argument returns a task's encoded argument, which it asks for if it is large: until
// the task's context ends, at its limit, its deadline or when it is killed.
func (e *executor) argument(ctx *taskContext, t *codec.Task) ([]byte, *codec.Failure) {
	if t.Object == "" {
		return t.Arg, nil
	}
	a, err := e.ask(ctx, link.KindFetch, nil, e.request(t.Object))
	var data []byte
	if err == nil && a.Code == "" {
		data, err = link.ReadFile(a.file, e.MaxValue)
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

// ask asks the supervisor, and has a goroutine read the answer.
func (e *executor) ask(ctx context.Context, kind link.Kind, file *os.File, request link.Value) (value, error) {
	go e.Listen()
	return e.values.ask(ctx, kind, file, request)
}

func (e *executor) request(text string) link.Value {
	return link.Value{Run: e.run.ID, Index: uint64(e.index), Text: text}
}

// large has a task's result stored that no message carries, and returns its object's
// name. The task's limit stops it as it stops the handler; its deadline does not.
func (e *executor) large(ctx *taskContext, result []byte) (name string, failure *codec.Failure) {
	if int64(len(result)) > e.MaxValue {
		return "", &codec.Failure{Code: codec.CodeTooLarge, Message: fmt.Sprintf(
			"the result has %d bytes, workers give at most %d", len(result), e.MaxValue)}
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

func (e *executor) store(ctx context.Context, result []byte) (value, error) {
	f, err := link.NewFile("result", result)
	if err != nil {
		return value{}, err
	}
	return e.ask(ctx, link.KindStore, f, e.request(""))
}
