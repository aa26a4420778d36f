package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/bench/peer"
	"github.com/musterfleet/muster/bench/work"
)

func TestMain(m *testing.M) {
	peer.Main()
	os.Exit(m.Run())
}

// loads has every way to submit. A peer fails a load whose outcomes are wrong.
var loads = map[string]peer.Load{
	"burst":    {Mode: peer.Burst, Tasks: 500, Window: 100},
	"one":      {Mode: peer.Burst, Tasks: 1},
	"sequence": {Mode: peer.Sequence, Tasks: 3},
	"map":      {Mode: peer.Map, Tasks: 2500},
	"data":     {Mode: peer.Burst, Tasks: 20, Data: 10_000, Window: 10},
	"spin":     {Mode: peer.Burst, Tasks: 100, Spin: time.Microsecond, LongEvery: 10, LongTimes: 100},
	"sleep":    {Mode: peer.Burst, Tasks: 4, Sleep: 10 * time.Millisecond},
	"clients":  {Mode: peer.Burst, Tasks: 100, Clients: 3, Window: 10},
	"parked":   {Mode: peer.Burst, Tasks: 100, Parked: 1000},
	"long":     {Mode: peer.Burst, Tasks: 100, Sleep: 50 * time.Millisecond, LongEvery: 100},
	"idle":     {Mode: peer.Idle, Sleep: 50 * time.Millisecond},
}

func TestPeers(t *testing.T) {
	requireNothingLeft(t)
	needed := []string{"muster", "local", "nats", "jetstream", "goroutines"}
	for _, p := range peer.All() {
		t.Run(p.Info().Name, func(t *testing.T) {
			if err := p.Missing(); err != nil {
				require.NotContains(t, needed, p.Info().Name)
				t.Logf("left out: %v", err)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			defer p.Stop()
			for _, setup := range []peer.Setup{{Workers: 2}, {Workers: 3, Long: true}} {
				require.NoError(t, p.Start(ctx, setup))
				for name, load := range loads {
					report, err := p.Do(ctx, load)
					if errors.Is(err, peer.ErrUnsupported) {
						continue
					}
					require.NoError(t, err, name)
					require.Positive(t, report.Elapsed, name)
					require.Equal(t, load.Spin > 0, report.Ideal > 0, name)
					require.Equal(t, load.Parked > 0, report.Parked > 0, name)
					if load.LongEvery > 0 {
						require.Positive(t, report.Rest, name)
						require.Less(t, report.Rest, report.Elapsed, name)
					}
					if load.Mode == peer.Idle {
						require.Greater(t, report.Usage.Parent, uint64(1<<20), name)
					}
					if load.Mode == peer.Sequence {
						require.Len(t, report.Each, load.Tasks, name)
					}
				}
				p.Stop()
			}
		})
	}
}

func TestRun(t *testing.T) {
	requireNothingLeft(t)
	dir := t.TempDir()
	o := options{
		only: "noop,growth", peers: "muster,nats,goroutines", scale: "small", rounds: 2,
		files: files{svg: filepath.Join(dir, "bench.svg"), json: filepath.Join(dir, "bench.json"), update: filepath.Join(dir, "doc.md")},
	}
	require.NoError(t, os.WriteFile(o.files.update, []byte("above\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nbelow\n"), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	require.NoError(t, run(ctx, o))

	text, err := os.ReadFile(o.files.json)
	require.NoError(t, err)
	var results work.Results
	require.NoError(t, json.Unmarshal(text, &results))
	for _, name := range []string{"muster", "nats", "goroutines"} {
		require.Len(t, results.Find("noop", "tasks/s", "", name), 2, results.Notes)
	}
	picture, err := os.Open(o.files.svg)
	require.NoError(t, err)
	defer picture.Close()
	for decoder := xml.NewDecoder(picture); ; {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	document, err := os.ReadFile(o.files.update)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(document), "above\n"))
	require.True(t, strings.HasSuffix(string(document), "\nbelow\n"))
	require.Contains(t, string(document), "| no-op | NATS request/reply |")
	require.NotContains(t, string(document), "old")
}

// An interrupt in the middle leaves no process and no file, but what was
// measured before, and says what is missing.
func TestInterrupt(t *testing.T) {
	requireNothingLeft(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	runner := small(t, "muster,jetstream,python")
	runner.Done = func(work.Work, work.Results) { cancel(interrupted) }
	results, err := runner.Run(ctx, work.All(work.Small))
	require.ErrorIs(t, err, interrupted)
	for _, name := range []string{"muster", "jetstream", "python"} {
		require.Len(t, results.Find("noop", "tasks/s", "", name), runner.Rounds)
		require.Empty(t, results.Find("mixed", "efficiency", "", name))
	}
	require.Contains(t, results.Notes, "mixed: 0 of 2 rounds, since interrupted")
}

// With little time there are fewer rounds, and what there is no time for at all
// is named.
func TestLimit(t *testing.T) {
	requireNothingLeft(t)
	runner := small(t, "goroutines")
	runner.Rounds, runner.For = 1_000_000, 3*time.Second
	results, err := runner.Run(t.Context(), work.All(work.Small)[:2])
	require.NoError(t, err)
	for _, table := range results.Tables {
		require.Positive(t, table.Rounds)
		require.Less(t, table.Rounds, runner.Rounds)
	}
	runner.For = time.Nanosecond
	results, err = runner.Run(t.Context(), work.All(work.Small)[:1])
	require.NoError(t, err)
	require.Equal(t, []string{"noop: 0 of 1000000 rounds, since the time is over"}, results.Notes)
}

// small returns a runner of some peers.
func small(t *testing.T, names string) *work.Runner {
	peers, err := choose("peer", peer.All(), names, func(p peer.Peer) string { return p.Info().Name })
	require.NoError(t, err)
	return &work.Runner{Peers: peers, Rounds: 2, Scale: work.Small, Log: io.Discard}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), options{scale: "large"}), "large")
	require.ErrorContains(t, run(t.Context(), options{scale: "small", peers: "nats,celery"}), "no such peer: celery")
	require.ErrorContains(t, run(t.Context(), options{scale: "small", only: "nothing"}), "no such kind of work: nothing")
	require.ErrorContains(t, run(t.Context(), options{scale: "small", limit: -1}), "-for")
}

// requireNothingLeft looks at the end of a test for files and processes.
func requireNothingLeft(t *testing.T) {
	dir, err := os.MkdirTemp("", "bench-test-*")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) // a database may run as another user
	t.Setenv("TMPDIR", dir)
	before := children(t)
	t.Cleanup(func() {
		defer os.RemoveAll(dir)
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, files)
		require.Eventually(t, func() bool { return slices.Equal(before, children(t)) }, time.Minute, 50*time.Millisecond)
	})
}

// children returns the processes that this one has started, where the system
// tells.
func children(t *testing.T) []string {
	if runtime.GOOS != "linux" {
		return nil
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	require.NoError(t, err)
	var all []string
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err == nil { // the thread may have ended
			all = append(all, strings.Fields(string(text))...)
		}
	}
	slices.Sort(all)
	return all
}
