package dash_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/dash"
	"github.com/musterfleet/muster/internal/dash/dashtest"
	"github.com/musterfleet/muster/producer"
)

// Another site's page cannot have anything done, nor read anything.
func TestForeignSites(t *testing.T) {
	s := newScene(t, func(c *dash.Config) { c.Names = []string{"dash.example.org"} })
	dashtest.Submit(s.Scene, echo, "makes the queue", producer.Delay(time.Hour))
	pause := func(change func(*http.Request)) answer {
		r := s.form("pause", "queue", "default")
		change(r)
		return s.do(r)
	}
	for name, change := range map[string]func(*http.Request){
		"another origin, to an old browser": func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example")
		},
		"no origin that could be told": func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "null")
		},
		"another site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a sibling's site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"no token":         func(r *http.Request) { *r = *s.request(http.MethodPost, "/do/pause?queue=default", nil) },
		"a wrong token": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("queue=default&token=x"))
			r.ContentLength = -1
		},
		"too much": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("queue=default&token=" + strings.Repeat("x", 1<<20)))
			r.ContentLength = -1
		},
	} {
		require.Equal(t, http.StatusForbidden, pause(change).status, name)
	}
	r := s.form("pause", "queue", "default") // with another session's token
	s.http.Jar = nil
	r.AddCookie(&http.Cookie{Name: "muster_dash", Value: "forged.sum"})
	require.Equal(t, http.StatusForbidden, s.do(r).status)
	q, err := s.Fleet.Queue(s.Ctx, "default")
	require.NoError(t, err)
	require.False(t, q.Paused)

	// A name that somebody has point here.
	for host, status := range map[string]int{
		"evil.example": 421, "evil.example:80": 421, "10.0.0.1": 421, "localhost.evil.example": 421, "localhost": 200, "LOCALHOST:99": 200, "[::1]:8080": 200,
		"127.0.0.2:8080": 200, "dash.example.org": 200,
	} {
		r := s.request(http.MethodGet, "/", nil)
		r.Host = host
		require.Equal(t, status, s.do(r).status, host)
	}
}

func TestReadOnly(t *testing.T) {
	s := newScene(t, func(c *dash.Config) { c.Actions, c.Client = false, nil })
	h := s.host("kestrel", 1)
	id := h.Status().ID
	for _, path := range []string{"/", "/queues/default", "/hosts/" + id, "/dead", "/tasks/a-1"} {
		page := s.get(path)
		require.NotContains(t, strings.ToLower(page.text), `method="post"`, path)
		require.NotContains(t, page.text, "/do/", path)
		require.Contains(t, page.text, "read-only")
	}
	for _, verb := range []string{"pause", "resume", "drain", "resize", "kill", "retry", "remove", "cancel"} {
		require.Equal(t, http.StatusForbidden, s.get("/do/"+verb).status)
		r := s.request(http.MethodPost, "/do/"+verb, strings.NewReader("host="+id+"&queue=default"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusForbidden, s.do(r).status)
	}
	require.Equal(t, "serving", string(h.Status().State))
}

func TestPassword(t *testing.T) {
	s := newScene(t, func(c *dash.Config) { c.User, c.Password, c.Loopback = "ada", "s3cret", false })
	for _, path := range []string{"/", "/static/dash.js", "/nosuch"} {
		got := s.get(path)
		require.Equal(t, http.StatusUnauthorized, got.status)
		require.Contains(t, got.header.Get("WWW-Authenticate"), "Basic")
		require.NotContains(t, got.text, "Overview")
	}
	for _, try := range []struct {
		user, password string
		status         int
	}{{"ada", "", 401}, {"ada", "s3cret2", 401}, {"", "s3cret", 401}, {"ada", "s3cret", 200}} {
		r := s.request(http.MethodGet, "/", nil)
		r.Host = "dash.example.org"
		r.SetBasicAuth(try.user, try.password)
		require.Equal(t, try.status, s.do(r).status)
	}
}
