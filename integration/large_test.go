package integration

import (
	"bytes"
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// big is a value that no message carries.
var big = string(bytes.Repeat([]byte{'x'}, 1500<<10))

// store is the object store of a broker, and its stream.
func (s *stage) store(url string) (jetstream.JetStream, jetstream.Stream) {
	s.t.Helper()
	nc, err := broker.Connect(s.ctx, broker.Config{URL: url})
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	stream, err := js.Stream(s.ctx, broker.ObjectStreamName)
	require.NoError(s.t, err)
	return js, stream
}

// requireNoObjects waits until the object store has no content.
func (s *stage) requireNoObjects(url, what string) {
	s.t.Helper()
	_, stream := s.store(url)
	require.Eventually(s.t, func() bool {
		info, err := stream.Info(s.ctx, jetstream.WithSubjectFilter("$O.MUSTER.C.>"))
		return err == nil && len(info.State.Subjects) == 0
	}, patience, 10*time.Millisecond, what)
}

// A task's large argument lives as long as the task: the store keeps it for longer
// than any queue is paused, or Submit refuses the task.
func TestArgumentLivesAsLongAsItsTask(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	f, err := producer.Submit(s.ctx, c, attend, call{Name: big}, producer.Delay(200*time.Hour))
	require.NoError(t, err)
	require.NoError(t, c.Flush(s.ctx))
	js, stream := s.store(url)
	require.GreaterOrEqual(t, stream.CachedInfo().Config.MaxAge, 366*24*time.Hour)
	require.True(t, cancels(t, f.Cancel))

	// As earlier versions have made it, and as an operator may.
	for _, maxAge := range []time.Duration{7 * 24 * time.Hour, time.Hour} {
		config := stream.CachedInfo().Config
		config.MaxAge = maxAge
		_, err = js.UpdateStream(s.ctx, config)
		require.NoError(t, err)
		for name, late := range map[string]producer.CallOption{
			"delay":               producer.Delay(200 * time.Hour),
			"time":                producer.At(time.Now().Add(200 * time.Hour)),
			"just before its end": producer.Delay(maxAge - time.Minute),
		} {
			_, err = producer.Submit(s.ctx, c, attend, call{Name: big}, late)
			require.ErrorIs(t, err, producer.ErrOption, name)
			require.ErrorContains(t, err, maxAge.String(), name)
			require.ErrorContains(t, err, "OBJ_MUSTER", name)
		}
		for _, soon := range [][]producer.CallOption{nil, {producer.Delay(maxAge / 2)}} {
			f, err := producer.Submit(s.ctx, c, attend, call{Name: big}, soon...)
			require.NoError(t, err)
			require.True(t, cancels(t, f.Cancel))
		}
		_, err = producer.Submit(s.ctx, c, attend, call{Name: "small"}, producer.Delay(200*time.Hour))
		require.NoError(t, err)
	}
	require.Equal(t, 2, cancels(t, c.CancelPending))
	s.requireNoObjects(url, "what is refused leaves nothing")
}

// A lost argument is a failure of its own and a dead letter; that its task was never
// run is said.
func TestLostArgumentIsADeadLetter(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	lose := map[string]func(js jetstream.JetStream, stream jetstream.Stream) error{
		"expired, purged": func(_ jetstream.JetStream, stream jetstream.Stream) error { return stream.Purge(s.ctx) },
		"the stream deleted": func(js jetstream.JetStream, _ jetstream.Stream) error {
			return js.DeleteStream(s.ctx, broker.ObjectStreamName)
		},
		"removed by another program": func(js jetstream.JetStream, _ jetstream.Stream) error {
			bucket, err := js.ObjectStore(s.ctx, broker.ObjectBucket)
			if err != nil {
				return err
			}
			all, err := bucket.List(s.ctx)
			for _, object := range all {
				err = bucket.Delete(s.ctx, object.Name)
			}
			return err
		},
	}
	h := s.host(url, "first", 1)
	operator, err := fleet.Connect(s.ctx, url)
	require.NoError(t, err)
	defer operator.Close()
	for name, lose := range lose {
		for kind, options := range map[string][]producer.CallOption{"plain": nil, "durable": {producer.Retain(time.Hour)}, "retried": {producer.Attempts(3)}} {
			require.NoError(t, operator.Pause(s.ctx, producer.DefaultQueue))
			f, err := producer.Submit(s.ctx, c, attend, call{Name: big}, options...)
			require.NoError(t, err)
			require.NoError(t, c.Flush(s.ctx))
			require.NoError(t, lose(s.store(url)))
			require.NoError(t, operator.Resume(s.ctx, producer.DefaultQueue))
			err = f.Err(s.ctx)
			require.ErrorIs(t, err, codec.ErrArgumentLost, "%s, %s", name, kind)
			var letters []string
			for letter, err := range operator.DeadLetters(s.ctx, producer.DefaultQueue) {
				require.NoError(t, err)
				letters = append(letters, letter.ID)
			}
			require.Equal(t, []string{f.ID().String()}, letters, "%s, %s", name, kind)
			require.NoError(t, operator.RemoveDead(s.ctx, letters[0]))
		}
	}
	h.Kill()
}

// The argument of a task goes with the task, whatever removes it and however it ends.
func TestArgumentGoesWithItsTask(t *testing.T) {
	durable := producer.Retain(time.Hour)
	for name, end := range map[string]func(*leaving){
		"purged":          func(l *leaving) { l.submit(); l.purge(producer.DefaultQueue) },
		"purged, delayed": func(l *leaving) { l.submit(producer.Delay(time.Hour)); l.purge(producer.DefaultQueue) },
		"cancelled by id, delayed": func(l *leaving) {
			require.NoError(t, l.other.Cancel(l.ctx, l.submit(producer.Delay(time.Hour))))
		},
		"cancelled by id": func(l *leaving) {
			require.NoError(t, l.other.Cancel(l.ctx, l.submit(durable)))
			l.host(l.url, "host", 1)
		},
		"cancelled by an attached future": func(l *leaving) {
			require.True(t, cancels(t, attachTo(l.stage, l.other, l.submit(durable)).Cancel))
			l.host(l.url, "host", 1)
		},
		"cancelled by its client": func(l *leaving) {
			f, err := producer.Submit(l.ctx, l.other, attend, call{Name: big}, producer.Delay(time.Hour))
			require.NoError(t, err)
			require.True(t, cancels(t, f.Cancel))
		},
		"expired": func(l *leaving) {
			deadline := time.Now().Add(time.Second)
			l.submit(producer.Deadline(deadline))
			time.Sleep(time.Until(deadline))
			l.host(l.url, "host", 1)
		},
		"its key is another's": func(l *leaving) {
			for _, name := range []string{"small", big} {
				_, err := producer.Submit(l.ctx, l.other, attend, call{Name: name}, producer.Key("k"))
				require.NoError(t, err)
			}
		},
		"its key is another func's": func(l *leaving) {
			_, err := producer.Submit(l.ctx, l.other, attend, call{}, producer.Key("k"))
			require.NoError(t, err)
			_, err = producer.Submit(l.ctx, l.other, nowhere, big, producer.Key("k"))
			require.ErrorIs(t, err, producer.ErrKeyHeld)
		},
		"no such func": func(l *leaving) {
			_, err := producer.Submit(l.ctx, l.client, nowhere, big)
			require.NoError(t, err)
			l.leave()
			l.purge(producer.DefaultQueue)
		},
		"done": func(l *leaving) {
			l.submit(durable)
			l.host(l.url, "host", 1)
			l.gate.next(t, l.ctx).letGo()
		},
		"done, its outcome stored for a client that is gone": func(l *leaving) {
			l.submit()
			l.host(l.url, "host", 1)
			l.gate.next(t, l.ctx).letGo()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			url := s.broker()
			c, err := producer.Connect(s.ctx, url)
			require.NoError(t, err)
			l := &leaving{stage: s, url: url, client: c, other: s.client(url), gate: newGate(t)}
			_, err = producer.Submit(s.ctx, c, attend, call{Name: big}, producer.Queue("unused"), producer.Deadline(time.Now()))
			require.NoError(t, err, "so that there is a store")
			cancels(t, c.CancelPending)
			end(l)
			s.requireNoObjects(url, name)
			l.leave()
		})
	}
}

var nowhere = codec.NewFunc[string, int]("nowhere")

// leaving is a client that goes away once its task is stored.
type leaving struct {
	*stage
	url           string
	client, other *producer.Client
	gate          *gate
}

func (l *leaving) submit(options ...producer.CallOption) codec.ID {
	l.t.Helper()
	f, err := producer.Submit(l.ctx, l.client, attend, call{Gate: l.gate.address, Name: big}, options...)
	require.NoError(l.t, err)
	l.leave()
	return f.ID()
}

func (l *leaving) leave() {
	l.t.Helper()
	if l.client.Flush(l.ctx) == nil {
		_ = l.client.Close(ended()) // its tasks are pending
	}
}

func (l *leaving) purge(queue string) {
	l.t.Helper()
	operator, err := fleet.Connect(l.ctx, l.url)
	require.NoError(l.t, err)
	defer operator.Close()
	_, err = operator.Purge(l.ctx, queue)
	require.NoError(l.t, err)
}

// A task whose client has closed meanwhile still has its argument.
func TestArgumentOutlivesItsClient(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	g := newGate(t)
	c, err := producer.Connect(s.ctx, url)
	require.NoError(t, err)
	_, err = producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: big})
	require.NoError(t, err)
	require.NoError(t, c.Flush(s.ctx))
	require.ErrorIs(t, c.Close(ended()), context.Canceled)
	s.host(url, "host", 1)
	v := g.next(t, s.ctx)
	require.Len(t, v.Name, len(big))
	v.letGo()
}

// What a dead letter keeps can be tried again, its large argument too.
func TestDeadLetterKeepsItsLargeArgument(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	g := newGate(t)
	s.host(url, "host", 1)
	f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: big}, producer.Crashes(1))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(g.next(t, s.ctx).PID, syscall.SIGKILL))
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrWorkerDied)
	operator, err := fleet.Connect(s.ctx, url)
	require.NoError(t, err)
	defer operator.Close()
	_, err = operator.RetryDead(s.ctx, f.ID().String())
	require.NoError(t, err)
	v := g.next(t, s.ctx)
	require.Len(t, v.Name, len(big))
	v.letGo()
	s.requireNoObjects(url, "it goes with the retried task")
}
