package objects

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

const (
	// window bounds what is on its way of a value that is read, in bytes. The client
	// library would let the broker send 32 MiB, and hold them.
	window = 8 << 20
	// windowTimeout bounds how long the next message of a window takes: the server that
	// sends it may have died.
	windowTimeout = 10 * time.Second
)

var (
	// errWindow is wrapped when a window's messages stop, so that another is opened.
	errWindow = errors.New("the broker has stopped sending")
	// errMissing is wrapped when messages of a value are missing, which a server of a cluster
	// may be about to learn of.
	errMissing = errors.New("some of it is missing")
	// errDamaged is wrapped when a value is not what its sender has stored.
	errDamaged = errors.New("the value is damaged")
)

// copying is a value that is written as it comes, over one attempt or several.
type copying struct {
	name    string
	maxSize int64
	open    func(size int64) (io.Writer, error)

	// Once it is known:
	info   *jetstream.ObjectInfo
	to     io.Writer
	left   int64  // bytes that have not come
	next   uint64 // where in the stream the next message is, at the earliest
	digest hash.Hash
}

// copy writes what is missing of a value.
func (s *Store) copy(ctx context.Context, c *copying, p *progress) error {
	b, err := s.open(ctx)
	if err != nil {
		return err
	}
	if c.info == nil {
		if err := c.find(ctx, b); err != nil {
			return err
		}
	}
	for c.left > 0 && err == nil {
		err = c.copyWindow(ctx, s.nc, b, p)
		if errors.Is(err, errWindow) && ctx.Err() == nil {
			err = nil
		}
	}
	if err == nil {
		err = c.verify()
	}
	if err != nil {
		return fmt.Errorf("objects: fetching %s: %w", c.name, err)
	}
	return nil
}

// find looks the value up, and opens the writer that it goes to.
func (c *copying) find(ctx context.Context, b *bucket) error {
	info, err := b.GetInfo(ctx, c.name)
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return b.whyMissing(ctx, c.name)
	case err != nil:
		return fmt.Errorf("objects: looking up %s: %w", c.name, err)
	case info.Size > uint64(c.maxSize):
		return fmt.Errorf("%w: it has %d bytes, at most %d are taken", ErrTooLarge, info.Size, c.maxSize)
	}
	if c.to, err = c.open(int64(info.Size)); err != nil {
		return fmt.Errorf("%w: %w", ErrPeer, err)
	}
	c.info, c.left, c.digest = info, int64(info.Size), sha256.New()
	return nil
}

// copyWindow writes what a consumer of its own sends: as many messages as fit into a
// window.
func (c *copying) copyWindow(ctx context.Context, nc *nats.Conn, b *bucket, p *progress) error {
	messages := max(1, window/cmp.Or(c.chunkSize(), chunkSize))
	sub, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	if err := sub.AutoUnsubscribe(messages); err != nil {
		return err
	}
	consumer, err := b.js.CreatePushConsumer(ctx, broker.ObjectStreamName, jetstream.ConsumerConfig{
		DeliverSubject: sub.Subject,
		FilterSubject:  chunkSubject(c.info.NUID),
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    max(c.next, 1),
		AckPolicy:      jetstream.AckNonePolicy,
		MemoryStorage:  true,
		Replicas:       1,
	})
	if err != nil {
		return err
	}
	info := consumer.CachedInfo()
	defer func() {
		if ctx.Err() == nil { // else the broker deletes it soon
			_ = b.js.DeleteConsumer(ctx, broker.ObjectStreamName, info.Name)
		}
	}()
	if info.NumPending == 0 && info.Delivered.Consumer == 0 {
		return c.missing()
	}
	for n := 1; n <= messages && c.left > 0; n++ {
		msg, err := nextMessage(ctx, sub)
		if err != nil {
			return err
		}
		if err := c.take(msg, uint64(n), p); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) chunkSize() int {
	if c.info.Opts == nil {
		return 0
	}
	return int(c.info.Opts.ChunkSize)
}

func nextMessage(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	soon, cancel := context.WithTimeout(ctx, windowTimeout)
	defer cancel()
	msg, err := sub.NextMsgWithContext(soon)
	if err != nil && soon.Err() != nil {
		err = fmt.Errorf("%w: %w", errWindow, err)
	}
	return msg, err
}

// take writes the content of a window's nth message, however long the one who reads it
// takes.
func (c *copying) take(msg *nats.Msg, n uint64, p *progress) error {
	meta, err := msg.Metadata()
	switch {
	case err != nil:
		return err
	case meta.Sequence.Consumer != n:
		return fmt.Errorf("%w: message %d came as number %d", errWindow, meta.Sequence.Consumer, n)
	case int64(len(msg.Data)) > c.left:
		return fmt.Errorf("%w: it is longer than the %d bytes that it should have", errDamaged, c.info.Size)
	}
	p.pause()
	defer p.moved()
	if _, err := c.to.Write(msg.Data); err != nil {
		return fmt.Errorf("%w: %w", ErrPeer, err)
	}
	c.digest.Write(msg.Data)
	c.left -= int64(len(msg.Data))
	c.next = meta.Sequence.Stream + 1
	if meta.NumPending == 0 && c.left > 0 {
		return c.missing()
	}
	return nil
}

func (c *copying) missing() error { return fmt.Errorf("%w: %d bytes", errMissing, c.left) }

// verify compares the digest of what was written with the one that it should have.
func (c *copying) verify() error {
	want, err := jetstream.DecodeObjectDigest(c.info.Digest)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errDamaged, err)
	case !bytes.Equal(want, c.digest.Sum(nil)):
		return fmt.Errorf("%w: its digest is not the one that it should have", errDamaged)
	}
	return nil
}
