package dash_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// However often a task was tried, its page has an end.
func TestTimelineIsBounded(t *testing.T) {
	s := newScene(t)
	nc, err := nats.Connect(s.URL)
	require.NoError(t, err)
	defer nc.Close()
	const task, attempts = "k3xf9mq2l7zt4b6c-42", 300
	now := time.Now()
	told := codec.HostStatus{ID: "aaaaaaaa", Host: "forged", State: codec.HostServing, Sent: now}
	for n := range attempts {
		told.Spans = append(told.Spans, codec.Span{
			Func: "f", Task: task, Count: 1, PID: n + 1, Start: now.Add(time.Duration(n-attempts) * time.Millisecond), End: now,
		})
	}
	data, err := json.Marshal(told)
	require.NoError(t, err)
	require.NoError(t, nc.Publish("muster.host.aaaaaaaa", data))
	page := s.until("/tasks/"+task, func(page string) bool { return strings.Contains(page, "Only the latest") })
	require.Equal(t, 100, strings.Count(page, "attempt began"))
	require.Contains(t, page, "process 300 on")
	require.NotContains(t, page, "process 200 on")
}

func TestPages(t *testing.T) {
	s := newScene(t)
	h := s.host("kestrel", 2)
	s.watched()
	done := dashtest.Submit(s.Scene, echo, "hello", producer.Retain(time.Hour))
	require.NoError(t, done.Err(s.Ctx))
	died := dashtest.Submit(s.Scene, crash, "last words", producer.Crashes(1), producer.Retain(time.Hour))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	refused := dashtest.Submit(s.Scene, refuse, "no stock")
	require.ErrorContains(t, refused.Err(s.Ctx), "no stock")
	delayed := dashtest.Submit(s.Scene, echo, "later", producer.Delay(time.Hour))
	running := dashtest.Submit(s.Scene, nap, time.Hour, producer.Limit(2*time.Hour))
	defer cancels(t, running.Kill)
	id, dead := h.Status().ID, died.ID().String()

	for path, wants := range map[string][]string{
		"/":                                 {"Overview", "kestrel", "default", "nap", "crash", "actions on"},
		"/queues":                           {"default", "running", "polyline"},
		"/queues/default":                   {"normal", "kestrel", "Pause…"},
		"/hosts":                            {"kestrel", "serving"},
		"/hosts/" + id:                      {running.ID().String(), "of 2 h", "exit status 3", "last words", "Drain…", "Kill…", "Resize"},
		"/failures":                         {"crash", "exit", "last words", "1 death,", "refuse", "1 failed attempt,", "1 dead letter"},
		"/dead":                             {dead, "crash", "Retry"},
		"/dead/" + dead:                     {"last words", "1 with a crash", "Remove…"},
		"/tasks":                            {"An id looks like"},
		"/tasks/" + running.ID().String():   {"running", "kestrel", "of 2 h", "Cancel…"},
		"/tasks/" + done.ID().String():      {"done", "outcome stored", "&#34;hello&#34;"},
		"/tasks/" + dead:                    {"dead letter", "exit status 3", "last words", "given up"},
		"/tasks/" + refused.ID().String():   {"attempt began", "attempt failed", "error"},
		"/tasks/" + delayed.ID().String():   {"waits for its time"},
		"/tasks/k3xf9mq2l7zt4b6c-42":        {"Nothing is known"},
		"/do/remove?id=unread:default:42":   {"Yes, remove", `href="/tasks?id=unread:default:42"`},
		"/do/kill?host=" + id + "&pid=1234": {"charged an attempt", "1234"},
	} {
		s.until(path, func(page string) bool {
			for _, want := range wants {
				if !strings.Contains(page, want) {
					return false
				}
			}
			return true
		})
		got := s.get(path)
		require.Equal(t, http.StatusOK, got.status, path)
		require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'")
		require.NotContains(t, got.header.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.NotRegexp(t, `(?i)<[^>]* (style|on\w+)=|<style|<script>`, got.text, path)
	}
	for path, status := range map[string]int{
		"/nosuch": 404, "/queues/nosuch": 404, "/hosts/nosuch": 404, "/dead/nosuch": 404, "/dead/a-1": 404, "/do/nosuch": 404,
		"/tasks/nosuch": 400, "/tasks?id=nosuch": 400, "/static/nosuch": 404, "/templates/layout.html": 404,
	} {
		require.Equal(t, status, s.get(path).status, path)
	}
	require.Equal(t, "/tasks/"+dead, s.get("/tasks?id=+"+dead+"+").path)
	require.Equal(t, "/dead/unread:default:42", s.get("/tasks?id=unread:default:42").path)
	for _, file := range []string{"/static/dash.css", "/static/dash.js", "/static/stream.js", "/static/icon.svg"} {
		require.Equal(t, http.StatusOK, s.get(file).status)
	}
}
