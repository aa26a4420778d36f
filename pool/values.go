package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/objects"
)

const (
	// resultMargin is how much longer a large result is kept than its outcome, in which
	// the client may fetch it.
	resultMargin = time.Hour
	// maxTransfers bounds the large values on their way to and from a process. It waits
	// for one at a time, and those that it has given up end soon.
	maxTransfers = 16
)

// objectStore is where large values are, [objects.Store] but in tests.
type objectStore interface {
	CopyTo(ctx context.Context, name string, maxSize int64, open func(size int64) (io.Writer, error)) error
	PutFrom(ctx context.Context, size int64, ttl time.Duration, open func(context.Context) (io.ReadCloser, error)) (name string, err error)
}

// transfer is a large value on its way to a process or from it.
type transfer struct {
	*scheduler
	p       *process
	request link.Value
	task    codec.Task
}

// value begins what a process asks for: its task's large argument, or to have its result
// stored, while the process lives.
func (s *scheduler) value(p *process, f link.Frame) error {
	request, err := link.ReadValue(f.Payload)
	if err != nil {
		return err
	}
	t := &transfer{scheduler: s, p: p, request: request}
	fetches := f.Kind == link.KindFetch
	if !t.find() || fetches && (request.Text == "" || t.task.Object != request.Text) {
		return fmt.Errorf("%w: it asks for a value that is none of its task's", errGarbage)
	}
	if p.transfers.Add(1) > maxTransfers {
		return fmt.Errorf("%w: it asks for more values than it waits for", errGarbage)
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
		defer p.transfers.Add(-1)
		defer cancel()
		do := t.store
		if fetches {
			do = t.fetch
		}
		_ = t.answer(nil, do(ctx)) // logged
	}()
	return nil
}

// find finds the task that the process asks for, which must be one that it runs.
func (t *transfer) find() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.p.work == nil {
		return false
	}
	r := t.p.work.find(t.request.Run)
	if r == nil || t.request.Index < uint64(r.received) || t.request.Index >= uint64(r.end) {
		return false
	}
	t.task = *r.task(int(t.request.Index))
	return true
}

// answer answers the request, with the process's end of a pipe unless the value is over.
func (t *transfer) answer(end *os.File, v link.Value) error {
	v.Task, v.Run, v.Index = t.request.Task, t.request.Run, t.request.Index
	err := t.p.link.Send(link.KindValue, end, func(dst []byte) []byte { return link.AppendValue(dst, &v) })
	if err != nil {
		t.logger.Debug("answering a worker process about a value", "pid", t.p.PID(), "error", err)
	}
	return err
}

// fetch passes on a large argument as it comes from the object store.
func (t *transfer) fetch(ctx context.Context) (last link.Value) {
	var pipe *os.File
	err := t.objects.CopyTo(ctx, t.task.Object, t.maxValue(), func(size int64) (io.Writer, error) {
		theirs, ours, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		pipe = ours
		context.AfterFunc(ctx, func() { expire(ours) })
		return ours, t.answer(theirs, link.Value{Size: uint64(size)})
	})
	if pipe != nil {
		_ = pipe.Close()
	}
	switch {
	case err == nil:
		return link.Value{}
	case errors.Is(err, objects.ErrGone) && !errors.Is(err, objects.ErrRemoved):
		return link.Value{Code: string(codec.CodeArgumentLost), Text: err.Error()}
	}
	return link.Value{Code: string(codec.CodeArgument), Text: err.Error()}
}

// store stores a large result as it comes from the process, again from its beginning
// where the broker was away, and returns its object's name.
func (t *transfer) store(ctx context.Context) (last link.Value) {
	size := int64(t.request.Size)
	if size < 0 || size > t.maxValue() {
		return link.Value{Code: string(codec.CodeTooLarge), Text: fmt.Sprintf("the result has %d bytes", t.request.Size)}
	}
	name, err := t.objects.PutFrom(ctx, size, max(t.task.Retain, handoff.StoredTTL)+resultMargin,
		func(ctx context.Context) (io.ReadCloser, error) {
			ours, theirs, err := os.Pipe()
			if err != nil {
				return nil, err
			}
			if err := t.answer(theirs, link.Value{}); err != nil {
				return nil, errors.Join(err, ours.Close())
			}
			context.AfterFunc(ctx, func() { expire(ours) })
			return ours, nil
		})
	if err != nil {
		return link.Value{Code: string(codec.CodeResult), Text: err.Error()}
	}
	return link.Value{Text: name}
}

func (t *transfer) maxValue() int64 { return cmp.Or(t.cfg.MaxValue, consumer.DefaultMaxValue) }

// expire ends what waits for the other end of a pipe. It is no harm if the pipe is closed.
func expire(pipe *os.File) { _ = pipe.SetDeadline(time.Unix(1, 0)) }
