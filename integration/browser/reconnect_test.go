package browser

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// A page that connects anew has each bar once. It says when its server is away, and
// goes on by itself when that is back.
func TestServerRestarts(t *testing.T) {
	s := newScene(t)
	const refused = "net::ERR_CONNECTION_REFUSED"
	b := s.browser(refused)
	b.live(s.Dash + "/")
	s.Host("kestrel", 1)
	b.until(`stream.rows.length === 1`)
	ended := dashtest.Submit(s.Scene, nap, 10*time.Millisecond, producer.Retain(time.Hour))
	require.NoError(t, ended.Err(s.Ctx))
	b.until(`stream.bars.values().next().value?.length > 0`)

	require.True(t, ask[bool](b, `(disconnect(), stream.rows = [], connect(), true)`))
	b.until(`stream.rows.length === 1`)
	bars := ask[[]string](b, `[...stream.bars.values()].flat().map((bar) => bar.task + " " + bar.from)`)
	require.NotEmpty(t, bars)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(bars))), len(bars))

	s.Stop()
	b.until(`document.getElementById("pulse").textContent.startsWith("not live")`)
	select {
	case <-b.expected: // the page has tried again and failed
	case <-s.Ctx.Done():
		require.Fail(t, "the page does not try again")
	}
	s.Start()
	b.until(`document.getElementById("pulse").textContent === "live"`)
	b.until(`stream.rows.length === 1 && document.body.innerText.includes("kestrel")`)
	dashtest.Submit(s.Scene, resize, time.Hour)
	b.until(`stream.rows[0].func === "resize_image"`)
}
