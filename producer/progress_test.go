package producer_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func (f *fake) report(id codec.ID, attempt int, done uint64) {
	if err := f.to.Progress(codec.AppendProgress(nil, id.N, attempt, codec.Progress{Done: done, Total: 10})); err != nil {
		panic(err)
	}
}

// The future knows the latest report, of the latest attempt, until it is done.
func TestProgress(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f := submit(t, c, 1)
	g := attach(t, c, f.ID())
	_, any := f.Progress()
	require.False(t, any)
	broker.report(f.ID(), 1, 1)
	require.Equal(t, producer.Running, f.State())
	broker.report(f.ID(), 2, 3)
	broker.report(f.ID(), 1, 2)
	for _, f := range []*producer.Future[int]{f, g} {
		latest, any := f.Progress()
		require.True(t, any)
		require.Equal(t, codec.Progress{Done: 3, Total: 10}, latest)
	}
	require.Error(t, broker.to.Progress([]byte("nonsense")))
	broker.succeed(f.ID(), 2)
	broker.report(f.ID(), 2, 4)
	_, any = f.Progress()
	require.False(t, any)
	f.OnProgress(func(codec.Progress) { t.Error("it is done") })
}

// Callbacks are called in order, one at a time; of what comes while one runs they
// get the latest. What one of them does to itself harms no other.
func TestOnProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		option, log := logged()
		c := connect(t, broker, option)
		f := submit(t, c, 1)
		gate := make(chan struct{})
		var got []uint64
		f.OnProgress(func(p codec.Progress) {
			if p.Done == 1 {
				<-gate
				panic("ow")
			}
		})
		f.OnProgress(func(p codec.Progress) { got = append(got, p.Done) })
		for done := uint64(1); done <= 9; done++ {
			broker.report(f.ID(), 1, done)
			synctest.Wait()
		}
		broker.succeed(f.ID(), 2)
		gate <- struct{}{}
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, []uint64{1, 9}, got)
		require.Equal(t, 1, log.records("a callback panicked"))
	})
}

// Who asks late gets what has been reported.
func TestOnProgressLate(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f := submit(t, c, 1)
	broker.report(f.ID(), 1, 5)
	reports := make(chan codec.Progress, 1)
	f.OnProgress(func(p codec.Progress) { reports <- p })
	require.EqualValues(t, 5, (<-reports).Done)
}
