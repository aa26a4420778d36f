package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

var metricsReady = regexp.MustCompile(`^muster: metrics at (http://\S+)/metrics$`)

func TestWorkerServesMetrics(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	cmd := muster(t, "worker", "--url", url, "--processes", "1", "--metrics", "127.0.0.1:0")
	worker := startService(t, metricsReady, cmd)
	page := func(path string) (int, string) {
		answer, err := http.Get(worker.ready[1] + path)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status, text := page("/healthz")
	require.Equal(t, http.StatusOK, status, text)
	require.Eventually(t, func() bool { status, text = page("/readyz"); return status == http.StatusOK }, patience, 10*time.Millisecond)
	require.Equal(t, ended{stdout: "42\n"}, run(t, nil, "submit", "--url", url, "echo", "42"))
	require.Eventually(t, func() bool {
		_, text = page("/metrics")
		return strings.Contains(text, "\nmuster_handoffs_total{way=\"direct\"} 1\n")
	}, patience, 10*time.Millisecond)
	require.Contains(t, text, "\nmuster_attempts_total{func=\"echo\"} 1\n")
	require.Contains(t, text, "\nmuster_queue_messages_waiting{lane=\"normal\",queue=\"default\"} 0\n")
	require.Contains(t, text, "\ngo_goroutines ")

	// It goes on while the host drains, which then is not ready.
	sleeper := muster(t, "submit", "--url", url, "sleep", "1")
	require.NoError(t, sleeper.Start())
	require.Eventually(t, func() bool {
		_, text = page("/metrics")
		return strings.Contains(text, "\nmuster_processes{state=\"busy\"} 1\n")
	}, patience, 10*time.Millisecond)
	worker.tell(t)
	require.Eventually(t, func() bool { _, text = page("/readyz"); return text == "draining\n" }, patience, 10*time.Millisecond)
	status, _ = page("/healthz")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, sleeper.Wait())
}

func TestMetricsWhereSomebodyListens(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(nil)
	defer taken.Close()
	run(t, nil, "worker", "--metrics", strings.TrimPrefix(taken.URL, "http://")).requireFailure(t, 1, "address already in use")
	run(t, nil, "worker", "--log-format", "xml").requireFailure(t, 2, "use text or json")
}

// With --log-format json every line of stderr is a record, and what a process
// prints says of which task.
func TestLinesAsRecords(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	cmd := muster(t, "worker", "--url", url, "--processes", "1", "--host", "kestrel", "--log-format", "json",
		"--exec", `grumble=sh -c 'echo half of it >&2; kill -9 $PPID; sleep 60'`)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_, _ = io.Copy(io.Discard, stderr)
		require.NoError(t, cmd.Wait())
	})
	submitted := make(chan ended, 1)
	go func() { submitted <- runQuietly(muster(t, "submit", "--url", url, "--crashes", "1", "grumble")) }()

	var line, death map[string]any
	for lines := bufio.NewScanner(stderr); death == nil && lines.Scan(); {
		var record map[string]any
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			require.Contains(t, lines.Text(), "ready on queue", "the one line that is no record")
			continue
		}
		switch record["msg"] {
		case "half of it":
			line = record
		case "a worker process died":
			death = record
		}
	}
	require.Equal(t, 1, (<-submitted).status)
	require.NotNil(t, death)
	for key, value := range map[string]any{"host": "kestrel", "queue": "default", "func": "grumble", "attempt": 1.0} {
		require.Equal(t, value, death[key], key)
	}
	require.NotEmpty(t, death["task"])
	if line != nil { // the command's words may be kept for its error instead
		require.Equal(t, death["task"], line["task"])
	}
}

func runQuietly(cmd *exec.Cmd) ended {
	_ = cmd.Run() // the status tells
	return ended{status: cmd.ProcessState.ExitCode()}
}

// The spans of a client and of a worker process come to a collector, in one trace.
func TestTracesAreExported(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	spans := map[string]string{} // the trace, by name
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var export collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &export)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range export.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					spans[span.Name] = string(span.TraceId)
				}
			}
		}
	}))
	defer server.Close()
	url := startBroker(t)
	export := "OTEL_EXPORTER_OTLP_ENDPOINT=" + server.URL
	cmd := muster(t, "worker", "--url", url, "--processes", "1")
	cmd.Env = append(cmd.Env, export)
	worker := startService(t, workerReady, cmd)
	submit := muster(t, "submit", "--url", url, "echo", "42")
	submit.Env = append(submit.Env, export)
	require.Equal(t, ended{stdout: "42\n"}, runCommand(t, nil, submit))
	worker.tell(t) // then it exports what it has
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(spans) == 3
	}, patience, 10*time.Millisecond)
	require.NotEmpty(t, spans["publish echo"])
	require.Equal(t, spans["publish echo"], spans["process echo"])
	require.Equal(t, spans["publish echo"], spans["settle echo"])
}
