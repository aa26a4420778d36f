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
		svg: filepath.Join(dir, "bench.svg"), json: filepath.Join(dir, "bench.json"), update: filepath.Join(dir, "doc.md"),
	}
	require.NoError(t, os.WriteFile(o.update, []byte("above\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nbelow\n"), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	require.NoError(t, run(ctx, o))

	text, err := os.ReadFile(o.json)
	require.NoError(t, err)
	var results work.Results
	require.NoError(t, json.Unmarshal(text, &results))
	for _, name := range []string{"muster", "nats", "goroutines"} {
		require.Len(t, results.Find("noop", "tasks/s", "", name), 2, results.Notes)
	}
	picture, err := os.Open(o.svg)
	require.NoError(t, err)
	defer picture.Close()
	for decoder := xml.NewDecoder(picture); ; {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	document, err := os.ReadFile(o.update)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(document), "above\n"))
	require.True(t, strings.HasSuffix(string(document), "\nbelow\n"))
	require.Contains(t, string(document), "| no-op | NATS request/reply |")
	require.NotContains(t, string(document), "old")
}

// An interrupt in the middle of everything leaves nothing, and writes nothing.
func TestInterrupt(t *testing.T) {
	requireNothingLeft(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	peers, err := choose("peer", peer.All(), "muster,jetstream,python", func(p peer.Peer) string { return p.Info().Name })
	require.NoError(t, err)
	scale := work.Full // would take minutes
	interrupted := errors.New("interrupted")
	runner := &work.Runner{Peers: peers, Rounds: 1, Scale: scale, Log: io.Discard}
	time.AfterFunc(2*time.Second, func() { cancel(interrupted) })
	_, err = runner.Run(ctx, work.All(scale))
	require.ErrorIs(t, err, interrupted)
}

func TestFlags(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), options{scale: "large"}), "large")
	require.ErrorContains(t, run(t.Context(), options{scale: "small", peers: "nats,celery"}), "no such peer: celery")
	require.ErrorContains(t, run(t.Context(), options{scale: "small", only: "nothing"}), "no such kind of work: nothing")
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

// children gives the processes that this one has started, where the system
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
