package dash_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/dash/dashtest"
)

// listen opens the news of a page.
func (s *scene) listen(path string) *http.Response {
	s.T.Helper()
	r := s.request(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := s.http.Do(r)
	require.NoError(s.T, err)
	s.T.Cleanup(func() { resp.Body.Close() })
	return resp
}

// events returns the first so many "part" events of a page, and what came between.
func (s *scene) events(path string, parts int) string {
	s.T.Helper()
	resp := s.listen(path)
	require.Equal(s.T, http.StatusOK, resp.StatusCode)
	require.Equal(s.T, "text/event-stream", resp.Header.Get("Content-Type"))
	var all strings.Builder
	lines := bufio.NewReader(resp.Body)
	for parts >= 0 {
		line, err := lines.ReadString('\n')
		require.NoError(s.T, err)
		all.WriteString(line)
		if parts > 0 && line == "event: part\n" || parts == 0 && line == "\n" {
			parts--
		}
	}
	resp.Body.Close()
	return all.String()
}

func TestLive(t *testing.T) {
	s := newScene(t)
	s.host("kestrel", 1)
	running := dashtest.Submit(s.Scene, nap, time.Hour)
	defer cancels(t, running.Kill)
	news := s.events("/tasks/"+running.ID().String(), 3) // its elapsed time changes
	require.Contains(t, news, "Elapsed")
	require.Contains(t, s.events("/", 1), `"func":"nap"`)
	require.Contains(t, s.events("/dead", 1), "There is no dead letter")
}

func TestLiveIsBounded(t *testing.T) {
	s := newScene(t)
	var all []*http.Response
	for range 64 {
		all = append(all, s.listen("/dead"))
		require.Equal(t, http.StatusOK, all[len(all)-1].StatusCode)
	}
	refused := s.listen("/dead")
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.Equal(t, "10", refused.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, s.get("/dead").status, "pages are not refused")
	all[0].Body.Close()
	require.Eventually(t, func() bool {
		resp := s.listen("/dead")
		return resp.StatusCode == http.StatusOK
	}, patience, 50*time.Millisecond)
	// The cleanup ends the server while the others listen.
}
