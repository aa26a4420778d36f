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

const (
	bucket = "MUSTER"
	// keep is how long an object may lie that nobody has removed, since its
	// client or its worker died.
	keep = 7 * 24 * time.Hour
)

var (
	// ErrGone is wrapped when an object is not there (any more).
	ErrGone = errors.New("objects: the value is not in the object store any more")
	// ErrTooLarge is wrapped when a value is larger than its reader takes.
	ErrTooLarge = errors.New("objects: value too large")
)

// Store is the object store of a broker. It is safe for concurrent use, and
// costs nothing until it is used. Where the broker is away for a moment, values are
// tried again for half a minute, or until the context ends.
type Store struct {
	nc     *nats.Conn
	logger *slog.Logger

	mu     sync.Mutex
	bucket jetstream.ObjectStore
}

// New gives the object store of the broker that nc is connected to.
func New(nc *nats.Conn, logger *slog.Logger) *Store { return &Store{nc: nc, logger: logger} }

// Ensure makes what the store needs of the broker, if nobody has.
func (s *Store) Ensure(ctx context.Context) error {
	_, err := s.open(ctx)
	return err
}

// Put stores a value under a new name, which it gives.
func (s *Store) Put(ctx context.Context, data []byte) (name string, err error) {
	return patiently(ctx, s, func(ctx context.Context) (string, error) {
		b, err := s.open(ctx)
		if err != nil {
			return "", err
		}
		name := rand.Text()
		if _, err := b.PutBytes(ctx, name, data); err != nil {
			return "", fmt.Errorf("objects: storing %d bytes: %w", len(data), err)
		}
		return name, nil
	})
}

// Get gives the value with a name, if it has at most most bytes.
func (s *Store) Get(ctx context.Context, name string, most int64) (data []byte, err error) {
	return patiently(ctx, s, func(ctx context.Context) ([]byte, error) { return s.get(ctx, name, most) })
}

func (s *Store) get(ctx context.Context, name string, most int64) (data []byte, err error) {
	b, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	object, err := b.Get(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrGone, name)
	}
	if err != nil {
		return nil, fmt.Errorf("objects: looking up %s: %w", name, err)
	}
	defer object.Close()
	data, err = read(object, most)
	if err != nil {
		return nil, fmt.Errorf("objects: fetching %s: %w", name, err)
	}
	return data, nil
}

// Has reports whether there is a value with a name.
func (s *Store) Has(ctx context.Context, name string) (bool, error) {
	return patiently(ctx, s, func(ctx context.Context) (bool, error) {
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
func read(object jetstream.ObjectResult, most int64) ([]byte, error) {
	info, err := object.Info()
	if err != nil {
		return nil, err
	}
	if info.Size > uint64(most) {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are taken", ErrTooLarge, info.Size, most)
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(object, data); err != nil {
		return nil, err
	}
	rest, err := io.Copy(io.Discard, object)
	if err == nil && rest > 0 {
		err = fmt.Errorf("it is longer than the %d bytes that it should have", info.Size)
	}
	return data, err
}

// Remove removes the value with a name; it is no error if it is not there.
func (s *Store) Remove(ctx context.Context, name string) error {
	_, err := patiently(ctx, s, func(ctx context.Context) (struct{}, error) {
		b, err := s.open(ctx)
		if err != nil {
			return struct{}{}, err
		}
		if err := b.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
			return struct{}{}, fmt.Errorf("objects: removing %s: %w", name, err)
		}
		return struct{}{}, nil
	})
	return err
}

// open gives the bucket, which it makes if nobody has yet.
func (s *Store) open(ctx context.Context) (jetstream.ObjectStore, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bucket != nil {
		return s.bucket, nil
	}
	js, err := jetstream.New(s.nc)
	if err != nil {
		return nil, fmt.Errorf("objects: %w", err)
	}
	b, err := broker.UnlessRefused(ctx, s.nc, func(ctx context.Context) (jetstream.ObjectStore, error) {
		return js.ObjectStore(ctx, bucket)
	})
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		b, err = broker.Replicate(s.nc, func(replicas int) (jetstream.ObjectStore, error) {
			return js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
				Bucket: bucket, TTL: keep, Storage: jetstream.FileStorage, Replicas: replicas,
				Description: "Muster: arguments and results too large for one message",
			})
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			b, err = js.ObjectStore(ctx, bucket)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("objects: opening the object store: %w", err)
	}
	s.bucket = b
	return b, nil
}
