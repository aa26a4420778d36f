// Package objects carries values that are too large for one broker message: they
// go through a JetStream object store, and a task or an outcome holds only their
// name.
package objects

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

// DefaultMost is the largest value, in bytes, that goes through the store unless
// somebody says otherwise.
const DefaultMost = 1 << 30

// Store is the object store of a broker. It is safe for concurrent use, and
// costs nothing until it is used. Where the broker is away for a moment, values are
// tried again for half a minute, or until the context ends.
type Store struct {
	nc     *nats.Conn
	logger *slog.Logger

	mu     sync.Mutex
	opened *bucket
	warned sync.Once
}

// bucket is the object store once it is open.
type bucket struct {
	jetstream.ObjectStore
	js     jetstream.JetStream
	stream jetstream.Stream
	ttl    bool // whether objects may have a time to live
}

// New gives the object store of the broker that nc is connected to.
func New(nc *nats.Conn, logger *slog.Logger) *Store { return &Store{nc: nc, logger: logger} }

// Ensure makes what the store needs of the broker, if nobody has.
func (s *Store) Ensure(ctx context.Context) error {
	_, err := s.open(ctx)
	return err
}

// MaxAge returns how long the store keeps a value that nobody removes, and 0 for
// ever. An operator may have changed it, so the broker is asked each time.
func (s *Store) MaxAge(ctx context.Context) (time.Duration, error) {
	return patiently(ctx, s, func(ctx context.Context, _ func()) (time.Duration, error) {
		b, err := s.open(ctx)
		if err != nil {
			return 0, err
		}
		info, err := b.stream.Info(ctx)
		if err != nil {
			return 0, fmt.Errorf("objects: asking how long values are kept: %w", err)
		}
		return info.Config.MaxAge, nil
	})
}

// Put stores a value under a new name, which it returns. The broker removes it after
// ttl if nobody has; 0 leaves that to the store's own age limit.
func (s *Store) Put(ctx context.Context, data []byte, ttl time.Duration) (name string, err error) {
	return patiently(ctx, s, func(ctx context.Context, moved func()) (string, error) {
		b, err := s.open(ctx)
		if err != nil {
			return "", err
		}
		if ttl == 0 {
			s.warnOfAge(b)
		}
		name := rand.Text()
		if err := b.put(ctx, name, data, ttl, moved); err != nil {
			return "", fmt.Errorf("objects: storing %d bytes: %w", len(data), err)
		}
		return name, nil
	})
}

// warnOfAge says once that the store is one in which values may not live long enough:
// an earlier version's, or one that an operator has changed.
func (s *Store) warnOfAge(b *bucket) {
	want := broker.ObjectStream(broker.StreamOptions{}).MaxAge
	if have := b.stream.CachedInfo().Config.MaxAge; have > 0 && have < want {
		s.warned.Do(func() {
			s.logger.Warn("the object store removes the large argument of a task that waits too long; raise the stream's max_age",
				"stream", broker.ObjectStreamName, "max_age", have, "want", want)
		})
	}
}

// Get returns the value with a name, if it has at most most bytes. The error wraps
// [ErrGone] or [ErrRemoved] if it is not there, or [ErrTooLarge].
func (s *Store) Get(ctx context.Context, name string, most int64) (data []byte, err error) {
	return patiently(ctx, s, func(ctx context.Context, moved func()) ([]byte, error) {
		return s.get(ctx, name, most, moved)
	})
}

func (s *Store) get(ctx context.Context, name string, most int64, moved func()) (data []byte, err error) {
	b, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	object, err := b.Get(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, b.whyMissing(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("objects: looking up %s: %w", name, err)
	}
	defer object.Close()
	data, err = read(object, most, moved)
	if err != nil {
		return nil, fmt.Errorf("objects: fetching %s: %w", name, err)
	}
	return data, nil
}

// Has reports whether there is a value with a name.
func (s *Store) Has(ctx context.Context, name string) (bool, error) {
	return patiently(ctx, s, func(ctx context.Context, _ func()) (bool, error) {
		b, err := s.open(ctx)
		if err != nil {
			return false, err
		}
		_, err = b.GetInfo(ctx, name)
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("objects: looking up %s: %w", name, err)
		}
		return true, nil
	})
}

// read reads an object into a slice of its size, and on to its end, where its
// digest is checked.
func read(object jetstream.ObjectResult, most int64, moved func()) ([]byte, error) {
	info, err := object.Info()
	if err != nil {
		return nil, err
	}
	if info.Size > uint64(most) {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are taken", ErrTooLarge, info.Size, most)
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(moving{object, moved}, data); err != nil {
		return nil, err
	}
	rest, err := io.Copy(io.Discard, object)
	if err == nil && rest > 0 {
		err = fmt.Errorf("it is longer than the %d bytes that it should have", info.Size)
	}
	return data, err
}

// moving is a reader that says when something has come.
type moving struct {
	io.Reader
	moved func()
}

func (m moving) Read(p []byte) (n int, err error) {
	if n, err = m.Reader.Read(p); n > 0 {
		m.moved()
	}
	return n, err
}

// Remove removes the value with a name; it is no error if it is not there.
func (s *Store) Remove(ctx context.Context, name string) error {
	_, err := patiently(ctx, s, func(ctx context.Context, _ func()) (struct{}, error) {
		b, err := s.open(ctx)
		if err != nil {
			return struct{}{}, err
		}
		if err := b.remove(ctx, name); err != nil {
			return struct{}{}, fmt.Errorf("objects: removing %s: %w", name, err)
		}
		return struct{}{}, nil
	})
	return err
}

// close has the next call open the bucket anew.
func (s *Store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = nil
}

// open returns the bucket, which it makes if nobody has yet.
func (s *Store) open(ctx context.Context) (*bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		return s.opened, nil
	}
	b := &bucket{}
	var err error
	if b.js, err = jetstream.New(s.nc, jetstream.WithPublishAsyncTimeout(patience)); err != nil {
		return nil, fmt.Errorf("objects: %w", err)
	}
	b.stream, err = broker.UnlessRefused(ctx, s.nc, func(ctx context.Context) (jetstream.Stream, error) {
		return b.js.Stream(ctx, broker.ObjectStreamName)
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		b.stream, err = broker.Replicate(s.nc, func(replicas int) (jetstream.Stream, error) {
			return b.js.CreateStream(ctx, broker.ObjectStream(broker.StreamOptions{Replicas: replicas}))
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			b.stream, err = b.js.Stream(ctx, broker.ObjectStreamName)
		}
	}
	if err == nil {
		b.ttl = b.stream.CachedInfo().Config.AllowMsgTTL
		b.ObjectStore, err = b.js.ObjectStore(ctx, broker.ObjectBucket)
	}
	if err != nil {
		return nil, fmt.Errorf("objects: opening the object store: %w", err)
	}
	s.opened = b
	return b, nil
}
