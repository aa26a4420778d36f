// Package objects carries values that are too large for one broker message: they
// go through a JetStream object store, and a task or an outcome holds only their
// name.
package objects

import (
	"bytes"
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

// DefaultMax is the largest value, in bytes, that goes through the store unless
// somebody says otherwise.
const DefaultMax = 1 << 30

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

// New returns the object store of the broker that nc is connected to.
func New(nc *nats.Conn, logger *slog.Logger) *Store { return &Store{nc: nc, logger: logger} }

// Ensure makes what the store needs of the broker, if nobody has.
func (s *Store) Ensure(ctx context.Context) error {
	_, err := s.open(ctx)
	return err
}

// MaxAge returns how long the store keeps a value that nobody removes, and 0 for
// ever. An operator may have changed it, so the broker is asked each time.
func (s *Store) MaxAge(ctx context.Context) (time.Duration, error) {
	return patiently(ctx, s, func(ctx context.Context, _ *progress) (time.Duration, error) {
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
	return s.PutFrom(ctx, int64(len(data)), ttl, func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
}

// PutFrom is [Store.Put] of size bytes that come from a reader. Each attempt opens one,
// reads it while the context lasts that it opened it with, and closes it. An error of
// the reader's own ends them all, and wraps [ErrPeer].
func (s *Store) PutFrom(ctx context.Context, size int64, ttl time.Duration, open func(context.Context) (io.ReadCloser, error)) (name string, err error) {
	return patiently(ctx, s, func(ctx context.Context, p *progress) (string, error) {
		b, err := s.open(ctx)
		if err != nil {
			return "", err
		}
		if ttl == 0 {
			s.warnOfAge(b)
		}
		name := rand.Text()
		if err := b.put(ctx, name, size, ttl, open, p); err != nil {
			return "", fmt.Errorf("objects: storing %d bytes: %w", size, err)
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

// Get returns the value with a name, if it has at most maxSize bytes. The error wraps
// [ErrGone] or [ErrRemoved] if it is not there, or [ErrTooLarge].
func (s *Store) Get(ctx context.Context, name string, maxSize int64) ([]byte, error) {
	var data *bytes.Buffer
	err := s.CopyTo(ctx, name, maxSize, func(size int64) (io.Writer, error) {
		data = bytes.NewBuffer(make([]byte, 0, size))
		return data, nil
	})
	if err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// CopyTo is [Store.Get] that writes the value as it comes, to a writer that it opens
// once, with the value's size. What has been written is known to be right only when
// CopyTo returns nil. An error of the writer wraps [ErrPeer].
func (s *Store) CopyTo(ctx context.Context, name string, maxSize int64, open func(size int64) (io.Writer, error)) error {
	c := &copying{name: name, maxSize: maxSize, open: open}
	_, err := patiently(ctx, s, func(ctx context.Context, p *progress) (struct{}, error) {
		return struct{}{}, s.copy(ctx, c, p)
	})
	if errors.Is(err, errMissing) {
		err = fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// Has reports whether there is a value with a name.
func (s *Store) Has(ctx context.Context, name string) (bool, error) {
	return patiently(ctx, s, func(ctx context.Context, _ *progress) (bool, error) {
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

// Remove removes the value with a name; it is no error if it is not there.
func (s *Store) Remove(ctx context.Context, name string) error {
	_, err := patiently(ctx, s, func(ctx context.Context, _ *progress) (struct{}, error) {
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
