package browser

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// Without JavaScript a page tells the same, and its forms do the same.
func TestWithoutScripts(t *testing.T) {
	s := newScene(t)
	s.Host("kestrel", 1)
	died := dashtest.Submit(s.Scene, crash, "nothing", producer.Crashes(1))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	b := s.browser()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	b.open(s.Dash + "/")
	require.False(t, ask[bool](b, `document.documentElement.classList.contains("js")`), "scripts run")
	require.False(t, ask[bool](b, `document.querySelector(".stream").checkVisibility()`), "there is an empty stream")
	require.Contains(t, ask[string](b, `document.querySelector("details.table").textContent`), "kestrel")
	require.Equal(t, "10", ask[string](b, `document.querySelector("meta[http-equiv=refresh]").content`))

	b.open(s.Dash + "/dead")
	b.tabTo(`e.tagName === "BUTTON" && e.textContent === "Retry"`)
	b.press("\r")
	b.until(`location.pathname.startsWith("/tasks/")`)
	require.Contains(t, ask[string](b, `document.querySelector(".done").textContent`), "submitted anew")
}
