package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/objects"
)

// resultMargin is how much longer a large result is kept than its outcome, in which
// the client may fetch it.
const resultMargin = time.Hour

// value answers a process that asks for its task's large argument, or to have its
// result stored, while the process lives.
func (s *scheduler) value(p *process, f link.Frame) error {
	request, err := link.ReadValue(f.Payload)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	var task codec.Task
	var found bool
	s.mu.Lock()
	if w := p.work; w != nil {
		if r := w.find(request.Run); r != nil && request.Index >= uint64(r.received) && request.Index < uint64(r.end) {
			task, found = *r.task(int(request.Index)), true
		}
	}
	s.mu.Unlock()
	if !found || f.Kind == link.KindFetch && task.Object != request.Text || (f.File != nil) != (f.Kind == link.KindStore) {
		return errors.Join(fmt.Errorf("%w: it asks for a value that is none of its task's", errGarbage), f.Close())
	}
	p.mu.Lock()
	before := p.endValue
	ctx, cancel := context.WithCancel(context.Background())
	p.endValue = cancel
	p.mu.Unlock()
	if before != nil {
		before() // the process waits for one at a time
	}
	go func() {
		defer cancel()
		answer := link.Value{Task: request.Task, Run: request.Run, Index: request.Index}
		var file *os.File
		var failure *codec.Failure
		if f.Kind == link.KindFetch {
			file, failure = s.fetch(ctx, task.Object)
		} else {
			answer.Text, failure = s.keep(ctx, &task, f.File)
		}
		if failure != nil {
			answer.Code, answer.Text = string(failure.Code), failure.Message
		}
		err := p.link.Send(link.KindValue, file, func(dst []byte) []byte { return link.AppendValue(dst, &answer) })
		if err != nil {
			s.logger.Debug("answering a worker process about a value", "pid", p.PID(), "error", err)
		}
	}()
	return nil
}

// fetch gets a large argument from the object store into a file.
func (s *scheduler) fetch(ctx context.Context, object string) (*os.File, *codec.Failure) {
	data, err := s.objects.Get(ctx, object, cmp.Or(s.cfg.MaxValue, consumer.DefaultMaxValue))
	if err != nil {
		code := codec.CodeArgument
		if errors.Is(err, objects.ErrGone) && !errors.Is(err, objects.ErrRemoved) {
			code = codec.CodeArgumentLost
		}
		return nil, &codec.Failure{Code: code, Message: err.Error()}
	}
	f, err := link.NewFile("argument", data)
	if err != nil {
		return nil, &codec.Failure{Code: codec.CodeArgument, Message: err.Error()}
	}
	return f, nil
}

// keep stores a large result, and returns its object's name.
func (s *scheduler) keep(ctx context.Context, task *codec.Task, f *os.File) (name string, failure *codec.Failure) {
	data, err := link.ReadFile(f, cmp.Or(s.cfg.MaxValue, consumer.DefaultMaxValue))
	if err == nil {
		name, err = s.objects.Put(ctx, data, max(task.Retain, handoff.StoredTTL)+resultMargin)
	}
	if err != nil {
		return "", &codec.Failure{Code: codec.CodeResult, Message: err.Error()}
	}
	return name, nil
}
