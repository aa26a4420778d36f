package dash_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/dash"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/pool"
)

// scene is a fleet with a dashboard, and a browser without a window.
type scene struct {
	*dashtest.Scene
	http *http.Client
}

// newScene starts a dashboard, by which the fleet can be changed unless change says
// otherwise.
func newScene(t *testing.T, change ...func(*dash.Config)) *scene {
	t.Helper()
	t.Parallel()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	s := &scene{dashtest.New(t, patience, change...), &http.Client{Jar: jar, Transport: &http.Transport{}}}
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// host starts a worker host, and waits until the dashboard has heard of all of its
// processes. It may take a moment more until the host hears that it is watched, and
// tells what ends.
func (s *scene) host(name string, processes int) *pool.Supervisor {
	s.T.Helper()
	h := s.Host(name, processes)
	s.until("/hosts/"+h.Status().ID, func(page string) bool { return strings.Count(page, `state idle`) >= processes })
	return h
}

// watched waits until a host tells what ends.
func (s *scene) watched() {
	s.T.Helper()
	s.until("/", func(page string) bool {
		require.NoError(s.T, dashtest.Submit(s.Scene, echo, "does anybody watch?").Err(s.Ctx))
		return !strings.Contains(page, "<dt>Ended in a minute</dt><dd>0")
	})
}

// answer is what the dashboard has answered.
type answer struct {
	status int
	header http.Header
	text   string
	path   string // after redirections
}

func (s *scene) do(r *http.Request) answer {
	s.T.Helper()
	resp, err := s.http.Do(r)
	require.NoError(s.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.T, err)
	return answer{resp.StatusCode, resp.Header, string(text), resp.Request.URL.Path}
}

func (s *scene) request(method, path string, body io.Reader) *http.Request {
	s.T.Helper()
	r, err := http.NewRequestWithContext(s.Ctx, method, s.Dash+path, body)
	require.NoError(s.T, err)
	return r
}

func (s *scene) get(path string) answer {
	s.T.Helper()
	return s.do(s.request(http.MethodGet, path, nil))
}

// until waits for a page that is as it should be.
func (s *scene) until(path string, holds func(page string) bool) string {
	s.T.Helper()
	var page string
	if !assert.Eventually(s.T, func() bool {
		page = s.get(path).text
		return holds(page)
	}, patience/2, 50*time.Millisecond) {
		require.FailNow(s.T, path+" does not become what it should be", page)
	}
	return page
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token returns what a form of the session has to carry.
func (s *scene) token() string {
	s.T.Helper()
	found := tokenField.FindStringSubmatch(s.get("/do/drain?host=x").text)
	require.NotNil(s.T, found)
	return found[1]
}

// form sends a form as a page of the dashboard does.
func (s *scene) form(verb string, pairs ...string) *http.Request {
	s.T.Helper()
	form := url.Values{"token": {s.token()}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := s.request(http.MethodPost, "/do/"+verb, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", s.Dash)
	return r
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
