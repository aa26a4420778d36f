package browser

import (
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// tabTo presses Tab until an expression holds of the focused element, and requires
// that the focus can be seen there.
func (b *tab) tabTo(condition string) {
	b.t.Helper()
	for range 60 {
		b.press(kb.Tab)
		if ask[bool](b, `((e) => `+condition+`)(document.activeElement)`) {
			require.NotEqual(b.t, "none", ask[string](b, `getComputedStyle(document.activeElement).outlineStyle`))
			return
		}
	}
	require.Fail(b.t, "the keyboard does not get there: "+condition)
}

// A dead letter is retried by the keyboard alone, while the page changes below.
func TestRetryByKeyboard(t *testing.T) {
	s := newScene(t)
	s.Host("kestrel", 1)
	antidote := s.Path("antidote")
	died := dashtest.Submit(s.Scene, crash, antidote, producer.Crashes(1))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	require.NoError(t, os.WriteFile(antidote, nil, 0o600))

	b := s.browser()
	b.live(s.Dash + "/")
	b.press(kb.Tab)
	require.Equal(t, "Skip to content", ask[string](b, `document.activeElement.textContent`))
	b.tabTo(`e.textContent === "Dead letters"`)
	b.press(kb.Enter)
	b.until(`location.pathname === "/dead" && document.getElementById("pulse").textContent === "live"`)
	b.tabTo(`e.tagName === "BUTTON" && e.textContent === "Retry"`)

	// Another letter above it, and the passing time, leave the focus where it is.
	other := dashtest.Submit(s.Scene, crash, "another", producer.Crashes(1))
	require.ErrorIs(t, other.Err(s.Ctx), codec.ErrWorkerDied)
	b.until(`document.querySelectorAll("table.letters tbody tr").length === 2`)
	require.Contains(t, ask[string](b, `document.activeElement.ariaLabel`), died.ID().String())
	b.press(kb.Enter)
	b.until(`location.pathname.startsWith("/tasks/") && document.body.innerText.includes("\"well\"")`)
	require.Contains(t, ask[string](b, `document.querySelector(".done").textContent`), "submitted anew")
	_, err := s.Fleet.DeadLetter(s.Ctx, died.ID().String())
	require.Error(t, err)
	_, err = s.Fleet.DeadLetter(s.Ctx, other.ID().String())
	require.NoError(t, err)
}

// What is dangerous is asked for first, and done by the keyboard too.
func TestKillIsConfirmed(t *testing.T) {
	s := newScene(t)
	h := s.Host("kestrel", 1)
	running := dashtest.Submit(s.Scene, nap, time.Hour, producer.Crashes(1))
	b := s.browser()
	b.live(s.Dash + "/hosts/" + h.Status().ID)
	b.until(`document.body.innerText.includes("` + running.ID().String() + `")`)
	b.tabTo(`e.textContent === "Kill…"`)
	b.press(kb.Enter)
	b.until(`location.pathname === "/do/kill"`)
	b.tabTo(`e.textContent === "Yes, kill"`)
	b.press(kb.Enter)
	b.until(`location.pathname.startsWith("/hosts/") && document.querySelector(".done")`)
	require.ErrorIs(t, running.Err(s.Ctx), codec.ErrWorkerDied)
}

func TestSearch(t *testing.T) {
	s := newScene(t)
	b := s.browser()
	b.live(s.Dash + "/")
	s.Host("kestrel", 1)
	b.until(`stream.rows.length === 1`)
	died := dashtest.Submit(s.Scene, crash, "nothing", producer.Crashes(2))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	b.tabTo(`e.type === "search"`)
	b.press(died.ID().String() + kb.Enter)
	b.until(`location.pathname === "/tasks/` + died.ID().String() + `"`)
	b.until(`document.querySelectorAll(".timeline li").length >= 3`)
	timeline := ask[string](b, `document.querySelector(".timeline").innerText`)
	require.Contains(t, timeline, "exit status 3")
	require.Contains(t, timeline, "given up: a dead letter")
	require.Contains(t, timeline, "kestrel")

	b.open(s.Dash + "/tasks/k3xf9mq2l7zt4b6c-42")
	require.Contains(t, ask[string](b, `document.body.innerText`), "Nothing is known of this task")
}

// A script in what a task says does not run, wherever that is shown.
func TestScriptsDoNotRun(t *testing.T) {
	s := newScene(t)
	h := s.Host("kestrel", 1)
	b := s.browser()
	died := dashtest.Submit(s.Scene, crash, script, producer.Crashes(1), producer.Retain(time.Hour))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	refused := dashtest.Submit(s.Scene, refuse, script, producer.Attempts(1), producer.Retain(time.Hour))
	require.Error(t, refused.Err(s.Ctx))
	for _, path := range []string{
		"/", "/failures", "/dead", "/dead/" + died.ID().String(), "/tasks/" + died.ID().String(), "/tasks/" + refused.ID().String(),
		"/hosts/" + h.Status().ID,
	} {
		b.live(s.Dash + path)
		b.until(`document.body.textContent.includes("onerror=") || ["/", "/dead"].includes(location.pathname)`)
		require.Contains(t, ask[string](b, `document.title`), "Muster", path)
		require.Zero(t, ask[int](b, `document.querySelectorAll("body script, img, [onerror]").length`), path)
	}
}
