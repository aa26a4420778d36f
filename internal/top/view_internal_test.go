package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

const hostile = "\x1b]0;mine\x07\x1b[2Jevil\u202e"

// imagined is a model of a fleet that there is not, with much of everything.
func imagined() *model {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	m := newModel(context.Background(), nil, nil, &link{})
	var hosts []fleet.Host
	for i := range 30 {
		death := codec.ProcessDeath{PID: 7, At: now.Add(-time.Second), Cause: codec.CauseSignal, Text: "killed " + hostile, Stderr: hostile + "\n\tsecond line", Func: hostile}
		status := codec.HostStatus{
			ID: fmt.Sprintf("host%04d", i), Host: "rather-long-name-of-a-host-" + hostile, Queue: "q", Version: "v1.2.3-0.20261122100000-abcdefabcdef",
			State: codec.HostServing, Started: now.Add(-time.Hour), Sent: now, Want: 2, Memory: 1 << 25, MemoryLimit: 1 << 30,
			Counts: map[string]codec.FuncCount{"resize_image": {Attempts: 100, Failed: map[codec.Code]uint64{codec.CodeError: 3}}},
			Deaths: map[codec.Cause]uint64{codec.CauseSignal: 1}, Latest: []codec.ProcessDeath{death},
			Processes: []codec.ProcessStatus{{
				PID: 100 + i, State: codec.ProcessBusy, Memory: 1 << 29, Task: "k3xf9mq2l7zt4b6c-42", Func: "resize_image",
				Since: now.Add(-9 * time.Second), Limit: now.Add(time.Second), Died: &death,
			}, {Place: 1, State: codec.ProcessBackoff}, {Place: 2, State: codec.ProcessDormant}},
		}
		hosts = append(hosts, fleet.Host{HostStatus: status, Seen: now, Lost: i == 3})
	}
	m.history.observe(hosts, now)
	m.queues = []fleet.Queue{{Name: "q", Waiting: 1234567, Dead: 2, Oldest: now.Add(-time.Hour), Lanes: []fleet.Lane{{Name: "high"}}}}
	m.Snapshot = m.history.snapshot(m.queues, now)
	m.letters = letterList{queue: "q", read: time.Now(), list: []fleet.DeadLetter{{
		ID: "k3xf9mq2l7zt4b6c-42", Queue: "q", At: now, Func: "f", Cause: fleet.Cause{Error: hostile, Stderr: hostile, Stack: "goroutine 1\n\tmain.go:1"},
	}}}
	return m
}

func press(m *model, keys ...rune) {
	for _, key := range keys {
		m.press(tea.KeyPressMsg{Code: key, Text: string(key)})
	}
}

// Every page fits every size, and shows nothing that could steer a terminal.
func TestViewFits(t *testing.T) {
	t.Parallel()
	m := imagined()
	h := m.Hosts[0]
	pages := append(tabs(), queuePage("q"), hostPage(h.ID), processPage{h.ID, 0}, processPage{h.ID, 9}, funcPage("resize_image"),
		deathPage{h.ID, h.Latest[0]}, letterPage(m.letters.list[0]), helpPage{}, queuePage("gone"), hostPage("gone"), funcPage("gone"))
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}, {20, 5}, {1, 1}, {300, 80}} {
		m.width, m.height = size[0], size[1]
		for _, p := range pages {
			m.opened = []*frame{{page: p}}
			for _, key := range []rune{'g', 'G', 's'} {
				press(m, key)
				content := m.View().Content
				lines := strings.Split(content, "\n")
				require.LessOrEqual(t, len(lines), m.height, p.name())
				for _, line := range lines {
					require.LessOrEqual(t, ansi.StringWidth(line), m.width, "%s: %q", p.name(), line)
				}
				require.NotContains(t, content, "\x1b]")
				require.NotContains(t, content, "\x1b[2J")
				require.NotContains(t, content, "\u202e")
			}
		}
	}
}

func TestViewTells(t *testing.T) {
	t.Parallel()
	m := imagined()
	m.width, m.height = 160, 40
	shown := func() string { return ansi.Strip(m.View().Content) }
	require.Regexp(t, `busy 29/58 .* 50 %  29 hosts, 1 lost`, shown())
	require.Regexp(t, `30 deaths in a minute: signal 30`, shown())
	press(m, '2')
	require.Contains(t, shown(), " lost ")
	press(m, '3')
	require.Contains(t, shown(), "9.0 s of 10 s")
	require.Contains(t, shown(), "512.0 MiB of 1.0 GiB")
	require.Contains(t, m.View().Content, paint("9.0 s of 10 s", bad), "near its limit")
	_, cmd := m.Update(queuesMsg{err: errors.New("not allowed"), once: true})
	require.Nil(t, cmd)
	require.Contains(t, shown(), "not allowed")
}

func TestPrintIsPlain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, Print(&out, imagined().Snapshot))
	require.NotContains(t, out.String(), "\x1b")
	require.Contains(t, out.String(), "1,234,567")
}

func TestChosenRowStays(t *testing.T) {
	t.Parallel()
	m := imagined()
	press(m, '2', 'j', 'j')
	m.Hosts = m.Hosts[1:] // the first one is forgotten
	l := m.frame().lay(&m.state, m.width)
	require.Equal(t, "host0002", l.rows[l.pick].id)
	m.Hosts = append(m.Hosts[:1:1], m.Hosts[2:]...)
	l = m.frame().lay(&m.state, m.width)
	require.Equal(t, 2, l.pick, "where it was")
}

func TestRates(t *testing.T) {
	t.Parallel()
	var h history
	start := time.Now()
	for i := range 100 {
		now := start.Add(time.Duration(i) * time.Second)
		h.observe([]fleet.Host{{Seen: now, HostStatus: codec.HostStatus{
			ID: "a", Sent: now.Add(time.Hour), Deaths: map[codec.Cause]uint64{codec.CauseExit: uint64(i / 10)},
			Counts: map[string]codec.FuncCount{"f": {Attempts: uint64(i * 50), Failed: map[codec.Code]uint64{codec.CodeError: uint64(i)}}},
		}}}, now)
	}
	s := h.snapshot(nil, start.Add(99*time.Second))
	require.InDelta(t, 50, s.Funcs[0].TasksPerSecond, 1e-9)
	require.InDelta(t, 1, s.Funcs[0].FailedPerSecond, 1e-9)
	require.InDelta(t, 6, s.Deaths[codec.CauseExit], 1)
	require.Less(t, len(h.past["a"]), 70)
	s = h.snapshot(nil, start.Add(200*time.Second))
	require.Empty(t, s.Deaths)
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var d Durations
	require.Zero(t, d.quantile(0.5))
	require.Equal(t, "-", bounded(0))
	d.Counts[2], d.Counts[8], d.Counts[len(d.Counts)-1] = 90, 9, 1
	d.sum()
	require.Equal(t, []float64{0.001, 0.001, 1}, []float64{d.P50, d.P90, d.P99})
	require.Equal(t, "1 h or more", bounded(d.quantile(1)))
	require.Equal(t, "≤ 1.0 s", bounded(d.P99))
}
