package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// faint returns texts whose contrast is below what WCAG 2 asks for at level AA.
const faint = `(() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1 }; };
  const light = (rgb) => { const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest("canvas, noscript")) continue;
    const style = getComputedStyle(e), a = light(parse(style.color).rgb), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) faint.push(walk.currentNode.data.trim().slice(0, 40) + " " + ratio.toFixed(2));
  }
  return faint;
})()`

// lameColours returns funcs' colours that stand out too little from their panel, below
// what WCAG 2 asks for of graphics, and the red.
const lameColours = `(() => {
  const light = (hex) => { const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const style = getComputedStyle(document.documentElement), get = (n) => style.getPropertyValue("--" + n).trim();
  const panel = light(get("panel"));
  return [...Array(12).keys()].map((i) => "c" + i).concat("badbar", "accent").filter((n) => {
    const c = light(get(n));
    return (Math.max(c, panel) + 0.05) / (Math.min(c, panel) + 0.05) < 3;
  });
})()`

// wide returns what makes the page scroll sideways.
const wide = `((width) => document.documentElement.scrollWidth <= width ? [] : ["at " + document.documentElement.scrollWidth, ...document.body.querySelectorAll("*")].filter((e) =>
  e.getBoundingClientRect().right > width && !e.parentElement.closest(".scroll, nav")).map((e) => e.outerHTML.slice(0, 90)))(%d)`

// nameless returns what a keyboard reaches and a screen reader could not name.
const nameless = `[...document.querySelectorAll("a, button, input:not([type=hidden]), summary, [tabindex='0']")].filter((e) =>
  e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)`

// Every page is legible by day and by night, on a desk and on a phone.
func TestLooks(t *testing.T) {
	s := newScene(t)
	b := s.browser()
	b.live(s.Dash + "/")
	s.Host("kestrel", 3)
	h := s.Host("heron-with-quite-a-long-name.example.org", 2)
	b.until(`document.body.innerText.includes("heron-with") && stream.rows.length === 5`) // so that hosts tell what ends
	letter := dashtest.Submit(s.Scene, crash, s.Path("nothing"), producer.Crashes(1), producer.Retain(time.Hour))
	require.ErrorIs(t, letter.Err(s.Ctx), codec.ErrWorkerDied)
	for i := range 30 {
		dashtest.Submit(s.Scene, refuse, "no stock left for order 4711", producer.Attempts(1))
		dashtest.Submit(s.Scene, resize, time.Duration(60+i*23%400)*time.Millisecond)
		dashtest.Submit(s.Scene, invoice, time.Duration(100+i*71%900)*time.Millisecond)
		dashtest.Submit(s.Scene, nap, time.Duration(i*37%200)*time.Millisecond)
	}
	for range 300 {
		dashtest.Submit(s.Scene, nap, time.Microsecond)
	}
	long := dashtest.Submit(s.Scene, nap, time.Minute, producer.Limit(10*time.Minute), producer.Retain(time.Hour))
	b.until(`[...stream.bars.values()].flat().length > 80`)
	b.until(`document.body.innerText.includes("nap")`)

	pages := map[string]string{
		"overview": "/", "queues": "/queues", "queue": "/queues/default", "hosts": "/hosts", "host": "/hosts/" + h.Status().ID,
		"failures": "/failures", "dead": "/dead", "letter": "/dead/" + letter.ID().String(), "task": "/tasks/" + long.ID().String(),
		"task-dead": "/tasks/" + letter.ID().String(), "task-unknown": "/tasks/k3xf9mq2l7zt4b6c-42", "search": "/tasks",
		"confirm": "/do/drain?host=" + h.Status().ID,
	}
	for name, path := range pages {
		for _, light := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 360} {
				b.as(width, light)
				b.live(s.Dash + path)
				where := []any{"%s, %d wide, %s", name, width, light}
				require.Empty(t, ask[[]string](b, fmt.Sprintf(wide, width)), where...)
				require.Empty(t, ask[[]string](b, faint), where...)
				require.Empty(t, ask[[]string](b, lameColours), where...)
				require.Empty(t, ask[[]string](b, nameless), where...)
				if width == 360 {
					b.shot(name + "-phone-" + light)
				} else {
					b.shot(name + "-" + light)
				}
			}
		}
	}
	_, err := long.Kill(t.Context())
	require.NoError(t, err)
}
