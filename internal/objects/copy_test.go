package objects_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
)

const maxSize = 1 << 30

// noise returns bytes of which no two pieces are alike.
func noise(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data) // never fails
	return data
}

// behindLine returns a store whose connection a test can cut, and a store beside it.
func behindLine(t *testing.T) (context.Context, *muteLine, *objects.Store, jetstream.JetStream) {
	t.Helper()
	ctx, js := openJetStream(t)
	line := newMuteLine(t, strings.TrimPrefix(js.Conn().ConnectedUrl(), "nats://"))
	nc, err := broker.Connect(ctx, broker.Config{URL: "nats://" + line.Addr().String()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return ctx, line, objects.New(nc, slog.New(slog.DiscardHandler)), js
}

// hooked calls at with the bytes that have passed, before more do.
type hooked struct {
	bytes.Buffer
	at func(passed int) error
}

func (h *hooked) Write(p []byte) (int, error) {
	if err := h.at(h.Len()); err != nil {
		return 0, err
	}
	return h.Buffer.Write(p)
}

// A copy that is cut goes on where it was, and each byte is written once.
func TestCopyGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	ctx, line, s, js := behindLine(t)
	value := noise(20<<20 + 1)
	name, err := objects.New(js.Conn(), slog.Default()).Put(ctx, value, 0)
	require.NoError(t, err)
	cuts, opened := 0, 0
	to := &hooked{at: func(passed int) error {
		if passed > cuts*5<<20 {
			cuts++
			line.cut()
		}
		return nil
	}}
	require.NoError(t, s.CopyTo(ctx, name, maxSize, func(size int64) (io.Writer, error) {
		opened++
		require.EqualValues(t, len(value), size)
		return to, nil
	}))
	require.Equal(t, 1, opened)
	require.Equal(t, 4, cuts)
	require.True(t, bytes.Equal(value, to.Bytes()))
}

func TestWriterThatFailsEndsTheCopy(t *testing.T) {
	t.Parallel()
	ctx, js := openJetStream(t)
	s := objects.New(js.Conn(), slog.Default())
	name, err := s.Put(ctx, noise(3<<20), 0)
	require.NoError(t, err)
	full := errors.New("full")
	err = s.CopyTo(ctx, name, maxSize, func(int64) (io.Writer, error) { return nil, full })
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, err, objects.ErrPeer)
	to := &hooked{at: func(passed int) error {
		if passed >= 1<<20 {
			return full
		}
		return nil
	}}
	err = s.CopyTo(ctx, name, maxSize, func(int64) (io.Writer, error) { return to, nil })
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, err, objects.ErrPeer)
	require.Equal(t, 1<<20, to.Len())
}

// spoil puts a value, and damages it.
func spoil(ctx context.Context, t *testing.T, js jetstream.JetStream, s *objects.Store, damage func(jetstream.Stream, *jetstream.ObjectInfo) error) (name string) {
	t.Helper()
	name, err := s.Put(ctx, noise(1<<20+1<<16), 0)
	require.NoError(t, err)
	stream, err := js.Stream(ctx, broker.ObjectStreamName)
	require.NoError(t, err)
	described, err := stream.GetLastMsgForSubject(ctx, "$O.MUSTER.M.>")
	require.NoError(t, err)
	var info jetstream.ObjectInfo
	require.NoError(t, json.Unmarshal(described.Data, &info))
	require.Equal(t, name, info.Name)
	require.NoError(t, damage(stream, &info))
	data, err := json.Marshal(info)
	require.NoError(t, err)
	_, err = js.Publish(ctx, described.Subject, data)
	require.NoError(t, err)
	return name
}

func TestDamagedValueIsRefused(t *testing.T) {
	t.Parallel()
	ctx, js := openJetStream(t)
	log := &firstWord{said: make(chan struct{})}
	s := objects.New(js.Conn(), slog.New(slog.NewTextHandler(log, nil)))
	for want, damage := range map[string]func(*jetstream.ObjectInfo){
		"it is longer than": func(info *jetstream.ObjectInfo) { info.Size-- },
		"its digest":        func(info *jetstream.ObjectInfo) { info.Digest = "SHA-256=" + strings.Repeat("A", 43) + "=" },
		"damaged":           func(info *jetstream.ObjectInfo) { info.Digest = "" },
	} {
		name := spoil(ctx, t, js, s, func(_ jetstream.Stream, info *jetstream.ObjectInfo) error {
			damage(info)
			return nil
		})
		_, err := s.Get(ctx, name, maxSize)
		require.ErrorContains(t, err, want)
	}
	select {
	case <-log.said:
		require.Fail(t, "it was tried again")
	default:
	}
}

// What is missing of a value may still come: a server of a cluster may be behind.
func TestMissingMessagesAreWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, js := openJetStream(t)
	for want, remove := range map[string]func(jetstream.Stream) error{
		"missing: 65536 bytes": func(stream jetstream.Stream) error {
			last, err := stream.GetLastMsgForSubject(ctx, "$O.MUSTER.C.>")
			if err != nil {
				return err
			}
			return stream.DeleteMsg(ctx, last.Sequence)
		},
		"missing: 1114112 bytes": func(stream jetstream.Stream) error {
			return stream.Purge(ctx, jetstream.WithPurgeSubject("$O.MUSTER.C.>"))
		},
	} {
		log := &firstWord{said: make(chan struct{})}
		s := objects.New(js.Conn(), slog.New(slog.NewTextHandler(log, nil)))
		var all sync.WaitGroup
		defer all.Wait()
		name := spoil(ctx, t, js, s, func(stream jetstream.Stream, _ *jetstream.ObjectInfo) error { return remove(stream) })
		tried, cancel := context.WithCancel(ctx)
		defer cancel()
		all.Go(func() { _, _ = s.Get(tried, name, maxSize) })
		await(ctx, t, log.said)
		require.Contains(t, log.text, want)
	}
}

// reading calls at with the bytes that have passed, before more do.
type reading struct {
	io.Reader
	passed int
	at     func(passed int)
	closed func()
}

func (r *reading) Read(p []byte) (int, error) {
	r.at(r.passed)
	n, err := r.Reader.Read(p)
	r.passed += n
	return n, err
}

func (r *reading) Close() error {
	r.closed()
	return nil
}

// A value that is cut on its way to the store is read again from its beginning.
func TestPutFromReadsAgain(t *testing.T) {
	t.Parallel()
	ctx, line, s, js := behindLine(t)
	value := noise(20 << 20)
	opened, closed := 0, 0
	name, err := s.PutFrom(ctx, int64(len(value)), 0, func(context.Context) (io.ReadCloser, error) {
		opened++
		cut := false
		return &reading{
			Reader: bytes.NewReader(value),
			at: func(passed int) {
				if opened <= 2 && passed > 10<<20 && !cut {
					cut = true
					line.cut()
				}
			},
			closed: func() { closed++ },
		}, nil
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, opened, 3)
	require.Equal(t, opened, closed)
	got, err := objects.New(js.Conn(), slog.Default()).Get(ctx, name, maxSize)
	require.NoError(t, err)
	require.True(t, bytes.Equal(value, got))
}

func TestReaderThatFailsEndsThePut(t *testing.T) {
	t.Parallel()
	ctx, js := openJetStream(t)
	s := objects.New(js.Conn(), slog.Default())
	full := errors.New("nothing to open")
	_, err := s.PutFrom(ctx, 10, 0, func(context.Context) (io.ReadCloser, error) { return nil, full })
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, err, objects.ErrPeer)
	for _, short := range []int{0, 1 << 20, 3<<20 - 1} {
		_, err = s.PutFrom(ctx, 3<<20, 0, func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(make([]byte, short))), nil
		})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorIs(t, err, objects.ErrPeer)
		require.Zero(t, contents(ctx, t, js), "nothing of it stays")
	}
}
