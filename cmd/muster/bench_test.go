package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/bench"
)

func TestBench(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2", "--queue", "quick")

	got := run(t, nil, "bench", "--url", url, "--queue", "quick", "--for", "200ms")
	require.Zero(t, got.status, got.stderr)
	require.Empty(t, got.stderr)
	for _, row := range []string{
		`no-op tasks, submitted one by one +[\d,]+ a second`, `no-op tasks, by Map +[\d,]+ a second`,
		`submit to result, median +[\d.]+ [µm]s`, `submit to result, 99th percentile +[\d.]+ [µm]s`,
		`work with tasks of 10 µs +[\d.]+ %`, `work with tasks of 10 ms +[\d.]+ %`, `worker processes that took part +[12]`,
	} {
		require.Regexp(t, row, got.stdout)
	}

	got = run(t, nil, "bench", "--url", url, "--queue", "quick", "--for", "200ms", "--json")
	require.Zero(t, got.status, got.stderr)
	var report bench.Report
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	require.Positive(t, report.Submit.Tasks)
	require.Len(t, report.Spin, 4)
}

func TestBenchOfNobodyElse(t *testing.T) {
	t.Parallel()
	got := run(t, nil, "bench", "--local", "--for", "100ms")
	require.Zero(t, got.status, got.stderr)
	require.Empty(t, got.stderr)
	require.Contains(t, got.stdout, "no-op tasks")
}
