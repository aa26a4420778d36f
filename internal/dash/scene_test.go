package dash_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/dash"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// scene is a fleet with a dashboard, and a browser without a window.
type scene struct {
	t      *testing.T
	ctx    context.Context
	url    string // of the broker
	fleet  *fleet.Fleet
	client *producer.Client
	logger *slog.Logger
	dash   string // URL, without the last slash
	server *dash.Server
	http   *http.Client
}

// newScene starts a dashboard, by which the fleet can be changed unless change says
// otherwise.
func newScene(t *testing.T, change ...func(*dash.Config)) *scene {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &scene{t: t, ctx: ctx, logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	s.url = server.URL()
	s.fleet, err = fleet.Connect(ctx, s.url, fleet.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(s.fleet.Close)
	s.client, err = producer.Connect(ctx, s.url, producer.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.client.Close(ended) // what is pending is no concern any more
	})
	cfg := dash.Config{Fleet: s.fleet, Client: s.client, Actions: true, Loopback: true, Logger: s.logger}
	for _, c := range change {
		c(&cfg)
	}
	s.serve(cfg)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.http = &http.Client{Jar: jar, Transport: transport}
	return s
}

func (s *scene) serve(cfg dash.Config) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	s.server, err = dash.New(s.ctx, cfg)
	require.NoError(s.t, err)
	ctx, end := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(ctx, listener) }()
	s.t.Cleanup(func() {
		end()
		require.NoError(s.t, <-ended)
	})
	s.dash = "http://" + listener.Addr().String()
}

// host starts a worker host, and waits until the dashboard has heard of all of its
// processes. It takes up to three seconds more until the host hears that it is
// watched, and tells what ends.
func (s *scene) host(name string, processes int) *pool.Supervisor {
	s.t.Helper()
	h, err := pool.Start(s.ctx, pool.Config{
		URL: s.url, Host: name, Processes: processes, Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(h.Kill)
	s.until("/hosts/"+h.Status().ID, func(page string) bool { return strings.Count(page, `state idle`) >= processes })
	return h
}

// watched waits until a host tells what ends.
func (s *scene) watched() {
	s.t.Helper()
	s.until("/", func(page string) bool {
		require.NoError(s.t, submit(s, echo, "does anybody watch?").Err(s.ctx))
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
	s.t.Helper()
	resp, err := s.http.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return answer{resp.StatusCode, resp.Header, string(text), resp.Request.URL.Path}
}

func (s *scene) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.ctx, method, s.dash+path, body)
	require.NoError(s.t, err)
	return r
}

func (s *scene) get(path string) answer {
	s.t.Helper()
	return s.do(s.request(http.MethodGet, path, nil))
}

// until waits for a page that is as it should be.
func (s *scene) until(path string, holds func(page string) bool) string {
	s.t.Helper()
	var page string
	if !assert.Eventually(s.t, func() bool {
		page = s.get(path).text
		return holds(page)
	}, patience/2, 50*time.Millisecond) {
		require.FailNow(s.t, path+" does not become what it should be", page)
	}
	return page
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token gives what a form of the session has to carry.
func (s *scene) token() string {
	s.t.Helper()
	found := tokenField.FindStringSubmatch(s.get("/do/drain?host=x").text)
	require.NotNil(s.t, found)
	return found[1]
}

// form sends a form as a page of the dashboard does.
func (s *scene) form(verb string, pairs ...string) *http.Request {
	s.t.Helper()
	form := url.Values{"token": {s.token()}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := s.request(http.MethodPost, "/do/"+verb, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", s.dash)
	return r
}

func (s *scene) path(name string) string { return filepath.Join(s.t.TempDir(), name) }

// submit submits a call.
func submit[A, R any](s *scene, f codec.Func[A, R], arg A, options ...producer.CallOption) *producer.Future[R] {
	s.t.Helper()
	future, err := producer.Submit(s.ctx, s.client, f, arg, options...)
	require.NoError(s.t, err)
	return future
}
