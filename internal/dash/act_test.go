package dash_test

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// done sends a form, and requires that it was done and where the browser is then.
func (s *scene) done(where, verb string, pairs ...string) answer {
	s.T.Helper()
	got := s.do(s.form(verb, pairs...))
	require.Equal(s.T, http.StatusOK, got.status, got.text)
	require.Regexp(s.T, "^"+where+"$", got.path)
	require.Contains(s.T, got.text, `class="done"`)
	return got
}

func TestActions(t *testing.T) {
	s := newScene(t)
	h := s.host("kestrel", 1)
	id := h.Status().ID

	s.done("/queues/default", "pause", "queue", "default")
	q, err := s.Fleet.Queue(s.Ctx, "default")
	require.NoError(t, err)
	require.True(t, q.Paused)
	s.until("/queues/default", func(page string) bool { return strings.Contains(page, "Resume") })
	s.done("/queues/default", "resume", "queue", "default")

	s.done("/hosts/"+id, "resize", "host", id, "processes", "2")
	require.Equal(t, 2, h.Status().Want)

	running := dashtest.Submit(s.Scene, nap, time.Hour, producer.Crashes(1))
	var pid int
	require.Eventually(t, func() bool {
		for _, p := range h.Status().Processes {
			if p.Task == running.ID().String() {
				pid = p.PID
			}
		}
		return pid != 0
	}, patience, 10*time.Millisecond)
	s.done("/hosts/"+id, "kill", "host", id, "pid", strconv.Itoa(pid))
	require.ErrorIs(t, running.Err(s.Ctx), codec.ErrWorkerDied)

	antidote := s.Path("antidote")
	died := dashtest.Submit(s.Scene, crash, antidote, producer.Crashes(1))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	require.NoError(t, os.WriteFile(antidote, nil, 0o600))
	s.until("/dead", func(page string) bool { return strings.Contains(page, died.ID().String()) })
	got := s.done("/tasks/[0-9a-f]{20}-1", "retry", "id", died.ID().String())
	s.until(got.path, func(page string) bool { return strings.Contains(page, "&#34;well&#34;") })
	require.NotContains(t, s.get("/dead").text, died.ID().String())
	s.done("/dead", "remove", "id", running.ID().String())
	require.Contains(t, s.get("/dead").text, "There is no dead letter.")

	cancelled := dashtest.Submit(s.Scene, nap, time.Hour)
	s.until("/tasks/"+cancelled.ID().String(), func(page string) bool { return strings.Contains(page, "Elapsed") })
	s.done("/tasks/"+cancelled.ID().String(), "cancel", "id", cancelled.ID().String())
	require.ErrorIs(t, cancelled.Err(s.Ctx), codec.ErrCancelled)

	for verb, pairs := range map[string][]string{
		"pause": {"queue", "nosuch"}, "drain": {"host", "nosuch"}, "resize": {"host", id, "processes", "many"},
		"kill": {"host", id, "pid", "1"}, "retry": {"id", died.ID().String()}, "remove": {"id", "x"}, "cancel": {"id", "x"},
	} {
		got := s.do(s.form(verb, pairs...))
		require.Equal(t, http.StatusConflict, got.status, verb)
		require.Contains(t, got.text, "That did not work")
	}
	s.done("/hosts/"+id, "drain", "host", id)
	<-h.Stopped()
}
