package browser

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// tab is a page in a browser of its own. What its console complains of fails the
// test, violations of the content security policy among it.
type tab struct {
	t        *testing.T
	ctx      context.Context
	expected chan string // complaints that the test means to cause
}

// browser starts one. Complaints that contain one of the texts are expected.
func (s *scene) browser(expected ...string) *tab {
	s.T.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(s.T)),
		chromedp.NoSandbox, // tests may run as root
		chromedp.DisableGPU,
		chromedp.UserDataDir(s.T.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 900),
		chromedp.WSURLReadTimeout(patience),
	)
	ctx, endAll := chromedp.NewExecAllocator(s.Ctx, options...)
	ctx, _ = chromedp.NewContext(ctx)
	b := &tab{t: s.T, ctx: ctx, expected: make(chan string, 1)}
	b.do()
	messages := chromedp.Console(ctx)
	complaints := make(chan []string, 1)
	go func() {
		var all []string
		for m, err := range messages {
			if err != nil {
				break
			}
			if strings.Contains(m.Text, "willReadFrequently") {
				continue // the test reads the canvas, which nobody else does
			}
			if !m.IsException() && m.Type != "error" && m.Type != "warning" {
				continue
			}
			if slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(m.Text, part) }) {
				select {
				case b.expected <- m.Text:
				default: // one is enough
				}
				continue
			}
			all = append(all, m.String()+" "+m.URL)
		}
		complaints <- all
	}()
	s.T.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // the browser ends before its directory is removed
		endAll()
		require.Empty(s.T, <-complaints, "the browser complains")
	})
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// live opens a page and waits until it has news.
func (b *tab) live(url string) {
	b.t.Helper()
	b.open(url)
	b.until(`!document.body.hasAttribute("data-live") || document.getElementById("pulse").textContent === "live"`)
}

// ask returns what an expression comes to in the page.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return value
}

// until waits until an expression is true in the page, or in the one that follows.
// A poller within the page would be against its policy.
func (b *tab) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience / 3); ; {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(end) {
			require.NoError(b.t, err, expression)
			require.Fail(b.t, "it does not come: "+expression, ask[string](b, `location + "\n" + document.body.innerText`))
		}
		b.do(chromedp.Sleep(50 * time.Millisecond))
	}
}

// press presses keys, one after the other.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// as has pages look for a device.
func (b *tab) as(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(b.t, err)
}

// shot keeps a picture of the page in the directory that MUSTER_SCREENSHOTS names.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("MUSTER_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600))
}

func (b *tab) click(x, y float64) {
	b.t.Helper()
	b.do(chromedp.MouseClickXY(x, y))
}
