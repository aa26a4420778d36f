// Package browser tests the dashboard in a real browser: headless Chromium, driven
// over its DevTools protocol, against a live fleet. It is a module of its own, so
// that the driver is no dependency of Muster.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
)

// The funcs of the tests.
var (
	nap     = codec.NewFunc[time.Duration, string]("nap")
	resize  = codec.NewFunc[time.Duration, string]("resize_image")
	invoice = codec.NewFunc[time.Duration, string]("render_invoice")
	crash   = codec.NewFunc[string, string]("crash")
	refuse  = codec.NewFunc[string, string]("refuse")
)

// script is what a hostile task has in its argument, its error and its stderr. Should
// a page run it, the page's title tells.
const script = `"'><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>` +
	"\x1b[31m\u202e</pre></td><a href=javascript:document.title='owned'>"

// TestMain makes the test binary the program of the worker processes too.
func TestMain(m *testing.M) {
	for _, f := range []codec.Func[time.Duration, string]{nap, resize, invoice} {
		consumer.Handle(f, func(ctx context.Context, d time.Duration) (string, error) {
			select {
			case <-time.After(d):
				return "rested", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
	}
	// crash ends its process, unless there is a file at the path.
	consumer.Handle(crash, func(_ context.Context, antidote string) (string, error) {
		if _, err := os.Stat(antidote); err == nil {
			return "well", nil
		}
		fmt.Fprintln(os.Stderr, "last words: "+script)
		os.Exit(3)
		return "", nil
	})
	consumer.Handle(refuse, func(_ context.Context, why string) (string, error) { return "", fmt.Errorf("refused: %s", why) })
	pool.Main()
	os.Exit(m.Run())
}

// chromium returns the browser's program. Without it the tests are left out, unless
// MUSTER_REQUIRE names it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if strings.Contains(os.Getenv("MUSTER_REQUIRE"), "chromium") {
		t.Fatal("there is no chromium; install Debian's package chromium")
	}
	t.Skip("there is no chromium: install Debian's package chromium")
	return ""
}
