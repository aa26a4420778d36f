package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// drawn tells, of a bar of the task stream that a condition finds, whether its middle
// has the colour of a thing's fill.
func drawn(condition, like string) string {
	return fmt.Sprintf(`(() => {
  stream.draw();
  const d = stream.drawn.find(({ bar, from, to }) => to - from > 12 && (%s));
  const chip = [...document.querySelectorAll(".legend li")].find((li) => li.textContent.includes(%q))?.querySelector("svg");
  if (!d || !chip) return false;
  const at = [(d.from + d.to) / 2, d.top + 3].map((v) => Math.round(v * devicePixelRatio));
  const [r, g, b] = stream.canvas.getContext("2d").getImageData(...at, 1, 1).data;
  return getComputedStyle(chip).fill === "rgb(" + [r, g, b].join(", ") + ")";
})()`, condition, like)
}

// The stream shows what runs and what has run in the colours of the legend, and a
// death in red.
func TestStream(t *testing.T) {
	s := newScene(t)
	b := s.browser()
	b.live(s.Dash + "/")
	s.Host("kestrel", 2)
	b.until(`stream.rows.length === 2`)

	running := dashtest.Submit(s.Scene, resize, time.Hour, producer.Crashes(1))
	b.until(drawn(`bar.runs && bar.func === "resize_image"`, "resize_image"))
	for range 5 {
		dashtest.Submit(s.Scene, invoice, time.Second)
	}
	b.until(drawn(`!bar.runs && bar.func === "render_invoice"`, "render_invoice"))
	require.NotEqual(t, "", ask[string](b, `document.querySelector(".legend").textContent`))
	require.Contains(t, ask[string](b, `document.querySelector("details.table").textContent`), "render_invoice")

	hosts, err := s.Fleet.Hosts(s.Ctx)
	require.NoError(t, err)
	for _, p := range hosts[0].Processes {
		if p.Task == running.ID().String() {
			require.NoError(t, s.Fleet.KillProcess(s.Ctx, "kestrel", p.PID))
		}
	}
	b.until(drawn(`bar.failed === "worker_died" && bar.task === "`+running.ID().String()+`"`, "its process died"))
	b.until(`document.body.innerText.includes("killed by signal SIGKILL, sent by an operator")`)

	// A click at a bar leads to its task.
	box := ask[[]float64](b, `(() => {
  const d = stream.drawn.find(({ bar }) => bar.failed === "worker_died"), box = stream.canvas.getBoundingClientRect();
  return [box.left + d.from + 4, box.top + (d.top + d.bottom) / 2];
})()`)
	b.click(box[0], box[1])
	b.until(`location.pathname === "/tasks/` + running.ID().String() + `"`)
	b.until(`document.querySelector(".timeline").innerText.includes("attempt began")`)
}
