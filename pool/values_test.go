package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/objects"
)

// shelf is an object store in memory.
type shelf struct {
	mu      sync.Mutex
	objects map[string][]byte
	damaged error // what a copy ends with
	restart int   // how often a put is cut when half of the value has come
	hold    chan struct{}
}

func (s *shelf) CopyTo(ctx context.Context, name string, maxSize int64, open func(int64) (io.Writer, error)) error {
	if s.hold != nil {
		<-s.hold
		return ctx.Err()
	}
	s.mu.Lock()
	data, ok := s.objects[name]
	damaged := s.damaged
	s.mu.Unlock()
	switch {
	case !ok:
		return fmt.Errorf("%w: %s", objects.ErrGone, name)
	case int64(len(data)) > maxSize:
		return objects.ErrTooLarge
	}
	w, err := open(int64(len(data)))
	if err == nil {
		_, err = w.Write(data)
	}
	return errors.Join(err, damaged)
}

func (s *shelf) PutFrom(ctx context.Context, size int64, _ time.Duration, open func(context.Context) (io.ReadCloser, error)) (string, error) {
	for {
		r, err := open(ctx)
		if err != nil {
			return "", err
		}
		data := make([]byte, size)
		s.mu.Lock()
		if s.restart > 0 {
			s.restart--
			data = data[:size/2]
		}
		s.mu.Unlock()
		if _, err := io.ReadFull(r, data); err != nil {
			return "", errors.Join(err, r.Close())
		}
		if err := r.Close(); err != nil || len(data) == int(size) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.objects["stored"] = data
			return "stored", err
		}
	}
}

// set changes the shelf.
func (s *shelf) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// borrower is a mate that runs a task with a large argument.
type borrower struct {
	*mate
	shelf *shelf
	run   uint64
	early []answer // that came while another was waited for
}

// answer is an answer that the process gets.
type answer struct {
	link.Value
	frame link.Frame
}

func newBorrower(t *testing.T, cfg Config) *borrower {
	b := newBench(t, cfg)
	s := &shelf{objects: map[string][]byte{"argument": bytes.Repeat([]byte("argument"), 1<<17)}}
	b.objects = s
	m := b.mate()
	b.arrive(broker.Normal, false, codec.Task{Func: "f", Object: "argument"}, codec.Task{Func: "f"})
	p := m.next()
	m.begin(p, 0)
	return &borrower{mate: m, shelf: s, run: p.id}
}

// ask has the process ask for something, with the request's number.
func (b *borrower) ask(kind link.Kind, v link.Value) error {
	return b.b.value(b.process, link.Frame{Kind: kind, Payload: link.AppendValue(nil, &v)})
}

func (b *borrower) fetch(number uint64) {
	b.b.t.Helper()
	require.NoError(b.b.t, b.ask(link.KindFetch, link.Value{Task: number, Run: b.run, Text: "argument"}))
}

func (b *borrower) store(number uint64, size int) {
	b.b.t.Helper()
	require.NoError(b.b.t, b.ask(link.KindStore, link.Value{Task: number, Run: b.run, Size: uint64(size)}))
}

// answer returns the next answer to a request. Those to several come in any order.
func (b *borrower) answer(number uint64) (link.Value, link.Frame) {
	t := b.b.t
	t.Helper()
	for i, a := range b.early {
		if a.Task == number {
			b.early = slices.Delete(b.early, i, i+1)
			return a.Value, a.frame
		}
	}
	for {
		require.NoError(t, b.far.Socket().SetReadDeadline(time.Now().Add(hangs)))
		f, err := b.far.Receive()
		require.NoError(t, err)
		require.Equal(t, link.KindValue, f.Kind)
		v, err := link.ReadValue(f.Payload)
		require.NoError(t, err)
		require.Equal(t, b.run, v.Run)
		if f.File != nil {
			require.NoError(t, f.File.SetDeadline(time.Now().Add(hangs)))
		}
		if v.Task == number {
			return v, f
		}
		b.early = append(b.early, answer{v, f})
	}
}

// last returns the answer that ends a request.
func (b *borrower) last(number uint64) link.Value {
	b.b.t.Helper()
	v, f := b.answer(number)
	require.Nil(b.b.t, f.File)
	return v
}

func TestALargeArgumentIsPassedOn(t *testing.T) {
	t.Parallel()
	b := newBorrower(t, Config{})
	for number := range uint64(3) {
		b.fetch(number)
		v, f := b.answer(number)
		data, err := io.ReadAll(f.File)
		require.NoError(t, errors.Join(err, f.Close()))
		require.Equal(t, b.shelf.objects["argument"], data)
		require.EqualValues(t, len(data), v.Size)
		require.Equal(t, link.Value{Task: number, Run: b.run}, b.last(number))
	}
	require.Eventually(t, func() bool { return b.transfers.Load() == 0 }, hangs, time.Millisecond)
}

func TestALargeArgumentThatCannotBePassedOn(t *testing.T) {
	t.Parallel()
	b := newBorrower(t, Config{MaxValue: 1 << 20})
	b.shelf.set(func() { b.shelf.damaged = errors.New("damaged") })
	b.fetch(1)
	_, f := b.answer(1)
	_, err := io.ReadAll(f.File)
	require.NoError(t, errors.Join(err, f.Close()))
	require.Equal(t, link.Value{Task: 1, Run: b.run, Code: string(codec.CodeArgument), Text: "damaged"}, b.last(1))

	b.shelf.set(func() { b.shelf.objects["argument"] = make([]byte, 1<<20+1) })
	b.fetch(2)
	require.Equal(t, string(codec.CodeArgument), b.last(2).Code)

	b.shelf.set(func() { delete(b.shelf.objects, "argument") })
	b.fetch(3)
	require.Equal(t, string(codec.CodeArgumentLost), b.last(3).Code)
}

func TestALargeResultIsStored(t *testing.T) {
	t.Parallel()
	b := newBorrower(t, Config{MaxValue: 1 << 20})
	for number := range uint64(3) {
		b.shelf.set(func() { b.shelf.restart = int(number) })
		result := bytes.Repeat([]byte{byte(number)}, 1<<20)
		b.store(number, len(result))
		for range number {
			_, f := b.answer(number)
			_, err := f.File.Write(result)
			require.ErrorIs(t, err, syscall.EPIPE, "the supervisor begins again")
			require.NoError(t, f.Close())
		}
		_, f := b.answer(number)
		_, err := f.File.Write(result)
		require.NoError(t, errors.Join(err, f.Close()))
		require.Equal(t, link.Value{Task: number, Run: b.run, Text: "stored"}, b.last(number))
		b.shelf.set(func() { require.Equal(t, result, b.shelf.objects["stored"]) })
	}

	for number, size := range map[uint64]int{10: 1<<20 + 1, 11: -1} {
		b.store(number, size)
		require.Equal(t, string(codec.CodeTooLarge), b.last(number).Code)
	}
	b.store(12, 1<<20)
	_, f := b.answer(12)
	require.NoError(t, f.Close())
	require.Equal(t, string(codec.CodeResult), b.last(12).Code, "it has closed the pipe too early")
}

// A process that does not read, or write, its end of a pipe holds nothing up, and nothing
// is left when it asks for something else, or dies.
func TestATransferEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	b := newBorrower(t, Config{})
	b.fetch(1)
	_, unread := b.answer(1)
	b.store(2, 1<<20)
	require.Equal(t, string(codec.CodeArgument), b.last(1).Code)
	_, unwritten := b.answer(2)
	b.fetch(3)
	require.Equal(t, string(codec.CodeResult), b.last(2).Code)
	_, third := b.answer(3)
	b.mu.Lock()
	end := b.endValue
	b.mu.Unlock()
	end() // as dispose does
	require.Equal(t, string(codec.CodeArgument), b.last(3).Code)
	require.NoError(t, errors.Join(unread.Close(), unwritten.Close(), third.Close()))
	require.Eventually(t, func() bool { return b.transfers.Load() == 0 }, hangs, time.Millisecond)
}

func TestAValueThatIsNoneOfItsTasksIsRefused(t *testing.T) {
	t.Parallel()
	b := newBorrower(t, Config{})
	refused := func(kind link.Kind, v link.Value) {
		t.Helper()
		require.ErrorIs(t, b.ask(kind, v), errGarbage)
	}
	refused(link.KindFetch, link.Value{Run: b.run, Text: "another"})
	refused(link.KindFetch, link.Value{Run: b.run, Index: 1, Text: "argument"})
	refused(link.KindFetch, link.Value{Run: b.run, Index: 1})
	refused(link.KindFetch, link.Value{Run: b.run + 1, Text: "argument"})
	refused(link.KindStore, link.Value{Run: b.run, Index: 2})
	refused(link.KindStore, link.Value{Run: b.run + 1})
	require.NoError(t, b.tell(b.run, 1))
	refused(link.KindStore, link.Value{Run: b.run})
	require.ErrorIs(t, b.b.value(b.process, link.Frame{Kind: link.KindStore, Payload: make([]byte, 10)}), link.ErrProtocol)
	require.Zero(t, b.transfers.Load())

	early := b.b.stranger()
	require.ErrorIs(t, b.b.value(early.process, link.Frame{
		Kind: link.KindStore, Payload: link.AppendValue(nil, &link.Value{Run: b.run}),
	}), errGarbage)
}

// A process could ask until its supervisor has no memory left.
func TestAFloodOfRequestsIsRefused(t *testing.T) {
	t.Parallel()
	b := newBorrower(t, Config{})
	b.shelf.hold = make(chan struct{})
	for number := range uint64(maxTransfers) {
		b.fetch(number)
	}
	require.ErrorIs(t, b.ask(link.KindFetch, link.Value{Run: b.run, Text: "argument"}), errGarbage)
	close(b.shelf.hold)
}
