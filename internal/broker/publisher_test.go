package broker_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func port(t *testing.T, s *broker.Server) int {
	u, err := url.Parse(s.URL())
	require.NoError(t, err)
	n, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	return n
}

func newPublisher(t testing.TB, nc *nats.Conn, make func(*nats.Conn) (*broker.Publisher, error)) *broker.Publisher {
	p, err := make(nc)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// task is a message for queue q with an id.
func task(n int) *nats.Msg {
	return &nats.Msg{
		Subject: broker.TaskSubject("q", broker.Normal),
		Header:  nats.Header{jetstream.MsgIDHeader: {strconv.Itoa(n)}},
		Data:    []byte(strconv.Itoa(n)),
	}
}

type fate struct {
	seq uint64
	err error
}

// publish waits for a message's fate.
func publish(t testing.TB, p *broker.Publisher, msg *nats.Msg) (uint64, error) {
	t.Helper()
	fates := make(chan fate, 2)
	p.Publish(msg, func(seq uint64, err error) { fates <- fate{seq, err} })
	select {
	case f := <-fates:
		require.Empty(t, fates, "done was called twice")
		return f.seq, f.err
	case <-time.After(30 * time.Second):
		require.FailNow(t, "no fate")
		return 0, nil
	}
}

func queueOn(t testing.TB, url string) (*nats.Conn, jetstream.JetStream) {
	nc := connect(t, url)
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	return nc, js
}

func TestPublishStoresInOrder(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)

	const n = 10_000
	seqs := make([]uint64, 0, n)
	all := make(chan struct{})
	for i := range n {
		p.Publish(task(i), func(seq uint64, err error) {
			if err == nil {
				seqs = append(seqs, seq) // calls do not overlap
			}
			if i == n-1 {
				close(all)
			}
		})
	}
	<-all
	require.Len(t, seqs, n)
	for i, seq := range seqs {
		require.EqualValues(t, i+1, seq)
	}
	require.EqualValues(t, n, streamMsgs(t, js, broker.TaskStream("q")))
}

func TestPublishFromDone(t *testing.T) {
	t.Parallel()
	nc, _ := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	last := make(chan fate)
	var next func(uint64, error)
	next = func(seq uint64, err error) {
		if seq == 100 || err != nil {
			go func() { last <- fate{seq, err} }()
			return
		}
		p.Publish(task(int(seq)), next)
	}
	p.Publish(task(0), next)
	require.Equal(t, fate{100, nil}, <-last)
}

func TestPublishDuplicateCountsAsStored(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	for range 2 {
		seq, err := publish(t, p, task(1))
		require.NoError(t, err)
		require.EqualValues(t, 1, seq)
	}
	require.EqualValues(t, 1, streamMsgs(t, js, broker.TaskStream("q")))
}

func TestPublishRefused(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{MaxBytes: 1000}))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TINY", Subjects: []string{"tiny"}, MaxMsgSize: 10})
	require.NoError(t, err)
	_, err = nc.Subscribe("stranger", func(m *nats.Msg) { _ = m.Respond([]byte("hello")) })
	require.NoError(t, err)
	p := newPublisher(t, nc, broker.NewPublisher)

	outcome := func() *nats.Msg {
		return &nats.Msg{Subject: broker.ResultSubject("c", 1), Header: nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"0"}}}
	}
	_, err = publish(t, p, outcome())
	require.NoError(t, err)
	_, err = publish(t, p, outcome())
	require.ErrorIs(t, err, broker.ErrWrongLastSequence)

	big := task(1)
	big.Data = make([]byte, 2000)
	_, err = publish(t, p, big)
	require.ErrorIs(t, err, broker.ErrStreamFull)

	_, err = publish(t, p, &nats.Msg{Subject: "tiny", Data: make([]byte, 100)})
	require.ErrorIs(t, err, broker.ErrTooLarge)

	huge := task(2)
	huge.Data = make([]byte, nc.MaxPayload()+1)
	_, err = publish(t, p, huge)
	require.ErrorIs(t, err, broker.ErrTooLarge)

	_, err = publish(t, p, &nats.Msg{Subject: "not a subject"})
	require.ErrorIs(t, err, nats.ErrBadSubject)
}

func TestPublishWithoutStream(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	js := jetStream(t, nc)
	p := newPublisher(t, nc, broker.NewHastyPublisher)
	_, err := publish(t, p, task(1))
	require.ErrorIs(t, err, broker.ErrNoStream)
	require.ErrorContains(t, err, "muster.task.q.normal")

	// A stream that appears in time takes what was waiting for it.
	patient := newPublisher(t, nc, broker.NewPublisher)
	fates := make(chan fate, 1)
	patient.Publish(task(2), func(seq uint64, err error) { fates <- fate{seq, err} })
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	require.Equal(t, fate{1, nil}, <-fates)
}

func TestPublisherLogsASilentBroker(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	_, err := nc.Subscribe("muster.task.>", func(*nats.Msg) {}) // takes tasks and says nothing
	require.NoError(t, err)
	p := newPublisher(t, nc, broker.NewHastyPublisher)
	read, write := io.Pipe()
	p.LogTo(slog.New(slog.NewTextHandler(write, nil)))
	for i := range 10 {
		p.Publish(task(i), func(uint64, error) {})
	}
	lines := bufio.NewScanner(read)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), "the broker does not acknowledge what it is sent")
	var rest sync.WaitGroup
	rest.Go(func() {
		for lines.Scan() {
			t.Error("a second line", lines.Text())
		}
	})
	p.Close()
	require.NoError(t, write.Close())
	rest.Wait()
}

func TestPublisherClose(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	_, err := nc.Subscribe("muster.task.>", func(*nats.Msg) {}) // takes tasks and says nothing
	require.NoError(t, err)
	p := newPublisher(t, nc, broker.NewPublisher)
	var closed atomic.Int32
	for i := range 100 {
		p.Publish(task(i), func(_ uint64, err error) {
			if err == broker.ErrClosed {
				closed.Add(1)
			}
		})
	}
	p.Close()
	require.EqualValues(t, 100, closed.Load())
	p.Close()
	_, err = publish(t, p, task(1))
	require.ErrorIs(t, err, broker.ErrClosed)
	require.Equal(t, 1, nc.NumSubscriptions())
}

func TestPublisherEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	_, err := nc.Subscribe("muster.task.>", func(*nats.Msg) {})
	require.NoError(t, err)
	p := newPublisher(t, nc, broker.NewPublisher)
	fates := make(chan fate, 1)
	p.Publish(task(1), func(seq uint64, err error) { fates <- fate{seq, err} })
	nc.Close()
	require.ErrorIs(t, (<-fates).err, broker.ErrClosed)
	_, err = publish(t, p, task(2))
	require.ErrorIs(t, err, broker.ErrClosed)
	p.Close()
	_, err = broker.NewPublisher(nc)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}

// A broker that restarts in the middle stores every message exactly once.
func TestPublishAcrossARestart(t *testing.T) {
	t.Parallel()
	cfg := broker.ServerConfig{StoreDir: t.TempDir(), Port: -1}
	s := startServer(t, cfg)
	nc, _ := queueOn(t, s.URL())
	cfg.Port = port(t, s)
	p := newPublisher(t, nc, broker.NewPatientPublisher)

	const n = 2_000
	seqs := make(map[uint64]int)
	var errs []error
	halfway := make(chan struct{})
	var all sync.WaitGroup
	all.Add(n)
	for i := range n {
		if i == n/2 {
			go func() {
				<-halfway
				s.Shutdown()
			}()
		}
		p.Publish(task(i), func(seq uint64, err error) {
			seqs[seq]++
			if len(seqs) == n/4 {
				close(halfway)
			}
			if err != nil {
				errs = append(errs, err)
			}
			all.Done()
		})
	}
	<-halfway
	s.Shutdown()
	for i := n; i < n+100; i++ { // while it is away
		all.Add(1)
		p.Publish(task(i), func(seq uint64, err error) {
			seqs[seq]++
			if err != nil {
				errs = append(errs, err)
			}
			all.Done()
		})
	}
	startServer(t, cfg)
	all.Wait()
	require.Empty(t, errs)
	require.Len(t, seqs, n+100, "a sequence was reported twice")
	require.EqualValues(t, n+100, streamMsgs(t, jetStream(t, nc), broker.TaskStream("q")))
}

// An acknowledgement lost with its connection, or without a trace, is asked
// for again, and the message is stored once.
func TestPublishLostAcknowledgement(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(*nats.Conn) (*broker.Publisher, error)
		mend func(*proxy)
	}{
		"with its connection": {broker.NewPatientPublisher, func(p *proxy) { p.setDeaf(false); p.cut() }},
		"without a trace":     {broker.NewHastyPublisher, func(p *proxy) { p.setDeaf(false) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, broker.ServerConfig{})
			_, js := queueOn(t, s.URL())
			between := newProxy(t, strings.TrimPrefix(s.URL(), "nats://"))
			nc := connect(t, "nats://"+between.addr)
			p := newPublisher(t, nc, test.make)
			_, err := publish(t, p, task(0))
			require.NoError(t, err)

			between.setDeaf(true)
			const n = 50
			fates := make(chan fate, 2*n)
			for i := range n {
				p.Publish(task(i+1), func(seq uint64, err error) { fates <- fate{seq, err} })
			}
			require.Eventually(t, func() bool { return streamMsgs(t, js, broker.TaskStream("q")) == n+1 }, 10*time.Second, time.Millisecond)
			require.Empty(t, fates)
			test.mend(between)
			seen := map[uint64]bool{}
			for range n {
				f := <-fates
				require.NoError(t, f.err)
				seen[f.seq] = true
			}
			require.Len(t, seen, n)
			require.EqualValues(t, n+1, streamMsgs(t, js, broker.TaskStream("q")))
		})
	}
}

// After a lost acknowledgement an unreplicated stream tells the publisher that
// its own message is in the way.
func TestPublishFencedTwice(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	require.NoError(t, broker.EnsureShared(t.Context(), jetStream(t, nc), broker.StreamOptions{}))
	p := newPublisher(t, nc, broker.NewPublisher)
	msg := &nats.Msg{Subject: broker.ResultSubject("c", 1), Header: nats.Header{
		jetstream.ExpectedLastSubjSeqHeader: {"0"}, jetstream.MsgIDHeader: {"c.1"},
	}}
	_, err := publish(t, p, msg)
	require.NoError(t, err)
	_, err = publish(t, p, msg)
	require.ErrorIs(t, err, broker.ErrWrongLastSequence)
}

func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprint(size, "B"), func(b *testing.B) {
			nc := connect(b, startServer(b, broker.ServerConfig{}).URL())
			js := jetStream(b, nc)
			_, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "B", Subjects: []string{"b"}, MaxMsgs: 1000, Discard: jetstream.DiscardOld})
			require.NoError(b, err)
			p := newPublisher(b, nc, broker.NewPublisher)
			const window = 64
			free := make(chan *nats.Msg, window)
			for range window {
				free <- &nats.Msg{Subject: "b", Data: make([]byte, size)}
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				msg := <-free
				p.Publish(msg, func(_ uint64, err error) {
					if err != nil {
						b.Error(err)
					}
					free <- msg
				})
			}
			for range window {
				<-free
			}
		})
	}
}

// A patient message waits until a full stream has room, and others do not.
func TestPublishPatiently(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{MaxBytes: 1000}))
	p := newPublisher(t, nc, broker.NewHastyPublisher)
	large := func(n int) *nats.Msg {
		msg := task(n)
		msg.Data = make([]byte, 600)
		return msg
	}
	_, err := publish(t, p, large(1))
	require.NoError(t, err)

	fates := make(chan fate, 1)
	p.PublishPatiently(large(2), func(seq uint64, err error) { fates <- fate{seq, err} })
	for n := range 3 { // each has an answer after the patient one has had one
		_, err = publish(t, p, large(3+n))
		require.ErrorIs(t, err, broker.ErrStreamFull)
	}
	require.Empty(t, fates)
	require.NoError(t, pull(t, js, "q", broker.Normal).DoubleAck(t.Context()))
	require.Equal(t, fate{2, nil}, <-fates)

	huge := task(9)
	huge.Data = make([]byte, nc.MaxPayload()+1)
	p.PublishPatiently(huge, func(seq uint64, err error) { fates <- fate{seq, err} })
	require.ErrorIs(t, (<-fates).err, broker.ErrTooLarge)
}
