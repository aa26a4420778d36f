package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var dashReady = regexp.MustCompile(`^muster: dashboard ready at (http://\S+)/$`)

func TestDash(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--host", "kestrel")
	at := startService(t, dashReady, muster(t, "dash", "--listen", "127.0.0.1:0", "--allow-actions", "--url", url)).ready[1]
	for path, want := range map[string]string{"/": "actions on", "/queues": "default", "/static/dash.js": "EventSource"} {
		resp, err := http.Get(at + path)
		require.NoError(t, err)
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Contains(t, string(text), want)
	}
	run(t, nil, "dash", "--listen", at[len("http://"):], "--url", url).requireFailure(t, 1, "address already in use")
}

func TestDashBeyondThisMachine(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startService(t, regexp.MustCompile(`^muster: warning: whoever reaches :0 sees arguments`), muster(t, "dash", "--listen", ":0", "--url", url))

	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("s3cret\n"), 0o600))
	at := startService(t, dashReady,
		muster(t, "dash", "--listen", "0.0.0.0:0", "--viewer", "ada", "--viewer-password-file", file, "--allow-actions", "--url", url)).ready[1]
	at = "http://127.0.0.1" + at[strings.LastIndexByte(at, ':'):]
	for password, status := range map[string]int{"wrong": 401, "s3cret": 200} {
		r, err := http.NewRequest(http.MethodGet, at, nil)
		require.NoError(t, err)
		r.SetBasicAuth("ada", password)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode)
	}
}
