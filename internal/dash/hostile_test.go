package dash_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// hostile is what nobody should show as it is.
const hostile = `</pre></script><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{.}}` + "\x1b[31m\x00\u202e\u2066\u200b"

// Whatever a task or a host says of itself is shown as text.
func TestHostileTexts(t *testing.T) {
	s := newScene(t)
	nc, err := nats.Connect(s.URL)
	require.NoError(t, err)
	defer nc.Close()
	label := `"><script>alert(1)</script>` // is printable, so a host may have it as a name
	now := time.Now()
	forged, err := json.Marshal(codec.HostStatus{
		ID: "aaaaaaaa", Host: label, Queue: label, Version: label, State: codec.HostState(label), Sent: now, Started: now,
		Want: 1 << 40, Memory: 1 << 63, MemoryLimit: 1, Funcs: []string{label, strings.Repeat("x", 250)},
		Processes: []codec.ProcessStatus{{PID: -1, State: codec.ProcessState(label), Task: label, Func: label, Memory: 1 << 63}},
		Counts:    map[string]codec.FuncCount{label: {Attempts: 1, Failed: map[codec.Code]uint64{codec.Code(label): 1}}},
		Latest: []codec.ProcessDeath{{
			At: now, Cause: codec.Cause(label), Text: hostile, Stderr: strings.Repeat(hostile, 1000), Task: label, Func: label,
		}},
		Spans: []codec.Span{{Func: label, Task: label, Count: 1 << 40, Start: now.Add(-time.Hour), End: now.Add(time.Hour), Failed: codec.Code(label)}},
	})
	require.NoError(t, err)
	s.host("kestrel", 1)
	died := dashtest.Submit(s.Scene, crash, hostile, producer.Crashes(1), producer.Retain(time.Hour))
	require.ErrorIs(t, died.Err(s.Ctx), codec.ErrWorkerDied)
	big := dashtest.Submit(s.Scene, crash, strings.Repeat("<b>", 100_000), producer.Crashes(1))
	require.ErrorIs(t, big.Err(s.Ctx), codec.ErrWorkerDied)
	require.NoError(t, nc.Publish("muster.task.default.normal", []byte(hostile)))
	s.until("/dead", func(page string) bool { return strings.Contains(page, "unread:default:") })

	paths := []string{
		"/", "/queues", "/hosts", "/hosts/aaaaaaaa", "/failures", "/dead", "/dead/" + died.ID().String(), "/dead/" + big.ID().String(),
		"/tasks/" + died.ID().String(), "/tasks?id=%3Cscript%3Ealert(1)%3C/script%3E", "/tasks/%3Cscript%3E",
		"/queues/%3Cscript%3E", "/hosts/%3Cscript%3E", "/do/kill?host=%22%3E%3Cscript%3E&pid=%3Cscript%3E", "/?done=%3Cscript%3E",
	}
	for _, path := range paths {
		require.NoError(t, nc.Publish("muster.host.aaaaaaaa", forged))
		require.NoError(t, nc.Flush())
		if path == "/hosts/aaaaaaaa" {
			s.until(path, func(page string) bool { return strings.Contains(page, "Latest deaths") })
		}
		got := s.get(path)
		require.Equal(t, 2, strings.Count(got.text, "<script"), path)
		require.NotContains(t, got.text, "<img", path)
		require.NotRegexp(t, `<[^>]* on\w+=`, got.text, path)
		require.Less(t, len(got.text), 256<<10, path)
		for _, c := range got.text {
			require.True(t, c == '\n' || c == '\t' || unicode.IsPrint(c), "%s has %U", path, c)
		}
	}
	letter := s.get("/dead/" + died.ID().String()).text
	require.Contains(t, letter, "&lt;script&gt;alert(1)")
	news := s.events("/", 1)
	require.NotContains(t, news, "<script")
	require.NotContains(t, news, "<img")
	require.Contains(t, news, "event: stream")
}
