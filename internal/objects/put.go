package objects

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

const (
	// chunkSize is the length of an object's messages, in bytes: that of the client
	// library.
	chunkSize = 128 << 10
	// maxChunks bounds the messages of an object that are on their way at a time.
	maxChunks = 64
	// removedTTL is how long the store remembers that an object was removed: longer
	// than a delivery whose acknowledgement is lost takes to come again.
	removedTTL = 24 * time.Hour
)

// removedKey is in the metadata of an object that Muster has removed.
const removedKey = "muster-removed"

func chunkSubject(id string) string { return "$O." + broker.ObjectBucket + ".C." + id }

func metaSubject(name string) string {
	return "$O." + broker.ObjectBucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

// put stores an object of what open opens, which the broker removes after ttl if that
// is not 0. The client library cannot store one with a time to live.
func (b *bucket) put(ctx context.Context, name string, size int64, ttl time.Duration, open func(context.Context) (io.ReadCloser, error), p *progress) error {
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}},
		Bucket:     broker.ObjectBucket,
		NUID:       rand.Text(),
		Size:       uint64(size),
	}
	from, err := open(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPeer, err)
	}
	defer from.Close()
	err = b.putChunks(ctx, &info, from, ttl, p)
	if err == nil {
		err = b.putMeta(ctx, &info, ttl)
	}
	if err != nil {
		// What is there of it goes at once if the broker is there, and else in time.
		return errors.Join(err, b.purge(ctx, info.NUID))
	}
	return nil
}

// chunk is a message of an object that is on its way, and the space that it is in.
type chunk struct {
	stored jetstream.PubAckFuture
	space  []byte
}

// putChunks stores the object's content, and notes its digest and the number of its
// messages.
func (b *bucket) putChunks(ctx context.Context, info *jetstream.ObjectInfo, from io.Reader, ttl time.Duration, p *progress) (err error) {
	digest := sha256.New()
	var underWay []chunk
	defer func() {
		if err == nil {
			return
		}
		for _, c := range underWay { // so that a purge finds them
			_ = wait(ctx, c.stored)
		}
	}()
	for left := info.Size; left > 0; info.Chunks++ {
		var space []byte
		if len(underWay) < maxChunks {
			space = make([]byte, min(left, chunkSize))
		} else {
			if err := wait(ctx, underWay[0].stored); err != nil {
				return err
			}
			p.moved()
			space, underWay = underWay[0].space, underWay[1:]
		}
		data := space[:min(left, uint64(len(space)))]
		if err := read(ctx, from, data, p); err != nil {
			return err
		}
		left -= uint64(len(data))
		digest.Write(data)
		msg := b.message(chunkSubject(info.NUID), ttl)
		msg.Data = data
		stored, err := b.js.PublishMsgAsync(msg)
		if err != nil {
			return err
		}
		underWay = append(underWay, chunk{stored, space})
	}
	info.Digest = jetstream.GetObjectDigestValue(digest)
	for _, c := range underWay {
		if err := wait(ctx, c.stored); err != nil {
			return err
		}
		p.moved()
	}
	return nil
}

// read fills data, however long the one who writes it takes. An error while the context
// lasts is the reader's own.
func read(ctx context.Context, from io.Reader, data []byte, p *progress) error {
	p.pause()
	defer p.moved()
	_, err := io.ReadFull(from, data)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrPeer, err)
	}
	return nil
}

// wait waits until the broker has stored a message.
func wait(ctx context.Context, publish jetstream.PubAckFuture) error {
	select {
	case <-publish.Ok():
		return nil
	case err := <-publish.Err():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// putMeta stores what an object's name stands for, in place of what it did before.
func (b *bucket) putMeta(ctx context.Context, info *jetstream.ObjectInfo, ttl time.Duration) (err error) {
	msg := b.message(metaSubject(info.Name), ttl)
	msg.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	if msg.Data, err = json.Marshal(info); err != nil {
		return err
	}
	_, err = b.js.PublishMsg(ctx, msg)
	return err
}

func (b *bucket) message(subject string, ttl time.Duration) *nats.Msg {
	msg := nats.NewMsg(subject)
	if ttl > 0 && b.ttl {
		msg.Header.Set(jetstream.MsgTTLHeader, strconv.FormatInt(int64((ttl+time.Second-1)/time.Second), 10))
	}
	return msg
}

// remove removes an object, and leaves word that it has, for a while.
func (b *bucket) remove(ctx context.Context, name string) error {
	info, err := b.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	info.Deleted, info.Size, info.Chunks, info.Digest = true, 0, 0, ""
	info.Metadata = map[string]string{removedKey: "true"}
	if err := b.putMeta(ctx, info, removedTTL); err != nil {
		return err
	}
	return b.purge(ctx, info.NUID)
}

// purge removes an object's content.
func (b *bucket) purge(ctx context.Context, id string) error {
	return b.stream.Purge(ctx, jetstream.WithPurgeSubject(chunkSubject(id)))
}

// whyMissing returns [ErrRemoved] or [ErrGone] for an object that is not there.
func (b *bucket) whyMissing(ctx context.Context, name string) error {
	info, err := b.GetInfo(ctx, name, jetstream.GetObjectInfoShowDeleted())
	switch {
	case err == nil && info.Metadata[removedKey] != "":
		return fmt.Errorf("%w: %s", ErrRemoved, name)
	case err == nil, errors.Is(err, jetstream.ErrObjectNotFound):
		return fmt.Errorf("%w: %s", ErrGone, name)
	}
	return err
}
