package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func TestProgressReachesTheCaller(t *testing.T) {
	s := newStage(t)
	c, g := s.local(1).Client(), newGate(t)
	f, err := producer.Submit(s.ctx, c, report, call{Gate: g.address})
	require.NoError(t, err)
	reports := make(chan codec.Progress, 16)
	f.OnProgress(func(p codec.Progress) { reports <- p })
	v := g.next(t, s.ctx)
	for want := (codec.Progress{Done: 100, Total: 100, Note: "pages"}); ; { // the last of many
		select {
		case got := <-reports:
			if got != want {
				continue
			}
		case <-s.ctx.Done():
			t.Fatal("the last report has not come")
		}
		break
	}
	latest, ok := f.Progress()
	require.True(t, ok)
	require.EqualValues(t, 100, latest.Done)
	v.letGo()
	require.NoError(t, f.Err(s.ctx))
}
