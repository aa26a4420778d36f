package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/top"
)

const (
	keyEnter = "\r"
	keyEsc   = "\x1b"
	keyTab   = "\t"
	keyDown  = "\x1b[B"
	keyUp    = "\x1b[A"
	keyBack  = "\x7f"
)

// startTop starts muster top in a terminal, once it knows of some hosts.
func startTop(t *testing.T, url string, hosts string, env ...string) *screen {
	t.Helper()
	cmd := muster(t, "top", "--url", url)
	cmd.Env = append(cmd.Env, env...)
	s := startScreen(t, 120, 30, cmd)
	s.see(hosts)
	return s
}

// choosePID shows only one process.
func choosePID(s *screen, pid string) {
	s.press("3/" + pid + keyEnter)
	s.see(`only rows with ` + pid)
}

func TestTopKillsAndRetries(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2", "--host", "kestrel")
	s := startTop(t, url, `busy 0/2 .* 1 host `)
	id := mustRun(t, "submit", "--detach", "--crashes", "1", "--limit", "10m", "sleep", "500", "--url", url)[0]

	s.see(`busy 1/2 .* 50 %`)
	s.press("3")
	pid := s.see(`^ *(\d+)  busy +sleep +[\d.]+ m?s of 10:00 min +` + id)[1]
	choosePID(s, pid)
	s.miss(`idle`)
	s.press("K")
	s.see(`Kill process ` + pid + ` of host kestrel\? Its task is charged an attempt. \[y/N\]`)
	s.press("n")
	s.see(`nothing was done`)
	s.press("Ky")
	s.see(`process ` + pid + ` is killed`)
	s.see(`1 death in a minute: signal 1`)
	s.press(keyEsc)
	s.see(`^ *\d+  idle .* kestrel  signal \d\d:\d\d:\d\d`)

	s.press("5")
	s.see(`^signal +1 +1 *$`)
	s.see(`signal +sleep +kestrel +` + pid + ` +` + id + ` +killed by signal SIGKILL`)
	s.press(keyEnter)
	s.see(`cause +signal: killed by signal SIGKILL, sent by an operator`)
	s.see(`^Its stderr ends`)
	s.press(keyBack + "6") // an escape and a key at once are Alt and the key
	s.see(`^` + id + ` +\d+ s ago +sleep +worker_died +default`)
	s.press(keyEnter)
	s.see(`attempts +1 with a crash, 0 with an error`)
	s.press("X")
	s.see(`Retry dead letter ` + id + `\? \[y/N\]`)
	s.press("y")
	retried := s.see(id + ` is retried as task (\S+)`)[1]
	s.press(keyBack)
	s.see(`^\(none\)`)
	s.press("3")
	choosePID(s, s.see(`^ *(\d+)  busy +sleep .* ` + retried)[1])
	s.press("Ky")
	s.see(`busy 0/2`)
	s.press("q")
	require.Zero(t, s.quits())
}

func TestTopSteers(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--host", "kestrel", "--queue", "birds")
	startWorker(t, url, "--processes", "1", "--host", "otter", "--queue", "mammals")
	s := startTop(t, url, `busy 0/2 .* 2 hosts`)

	s.press("P")
	s.see(`Pause queue birds\? What runs goes on\. \[y/N\]`)
	s.press("y")
	s.see(`queue birds is paused`)
	s.see(`^birds +paused`)
	mustRun(t, "submit", "--detach", "--queue", "birds", "echo", "1", "--url", url)
	s.see(`^birds +paused +1 +0 `)
	s.press("Uy")
	s.see(`^birds +running +0 +0 `)
	s.press("K")
	s.see(`choose a process first, to kill the process`)

	s.press(keyTab + "j" + "R")
	s.see(`Worker processes of host otter \(\w{8}\): ▏`)
	s.press("33" + keyBack + keyEnter)
	s.see(`host otter is resized to 3`)
	s.see(`^otter .*0/3`)
	s.press("R0" + keyEnter)
	s.see(`that is no number of processes`)
	s.press("D")
	s.see(`Drain host otter \(\w{8}\)\?`)
	s.press("x")
	s.see(`nothing was done`)
	s.press("Dy")
	s.see(`^otter +\w{8} +(draining|stopped)`)
	s.see(`1 host `)
	s.press("\x03")
	require.Zero(t, s.quits())
}

func TestTopLooksCloser(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--host", "kestrel")
	startWorker(t, url, "--processes", "1", "--host", "otter")
	mustRun(t, "submit", "echo", "1", "--url", url)
	mustRun(t, "submit", "--detach", "--delay", "1h", "echo", "1", "--url", url)
	run(t, nil, "submit", "sleep", "--url", url, "--", "-1")
	s := startTop(t, url, `2 hosts`)

	s.press(keyEnter)
	s.see(`Queues › queue default`)
	s.see(`1 scheduled, 0 dead`)
	s.see(`^high +running +0 +0 +0`)
	s.see(`^kestrel .*serving`)
	s.see(`^Dead letters`)
	s.press(keyEnter)
	s.see(`queue default › host \w{8}`)
	s.see(`funcs +count_primes, echo`)
	s.press(keyEnter)
	s.see(`process 0 of host \w{8}`)
	s.see(`^Deaths at place 0`)
	s.press(keyBack + keyBack + keyEsc)
	s.see(`^ Queues   Hosts   Processes`)

	s.press("\x1b[Z") // Shift-Tab
	s.see(`^TASK +GIVEN UP`)
	s.press("4")
	s.see(`^sleep .* 1 `)
	s.press("/sle" + keyEnter)
	s.miss(`^echo`)
	s.press(keyEsc)
	s.see(`^echo `)
	s.press("ssssss") // by FAILED
	s.see(`FAILED▾[^\n]*\n *sleep .*\n *echo`)
	s.press("g" + keyEnter)
	s.see(`failures +error 1`)
	s.see(`run +p50 ≤ [\d.]+ .s, p90`)
	s.see(`UP TO +RUN`)
	s.press(keyBack + "2" + keyDown + keyDown + keyUp + "k" + keyDown + keyEnter)
	s.see(`^host +otter, serving`)

	s.press(keyBack + "3")
	for _, way := range []struct{ keys, host string }{
		{"G", "otter"}, {"g", "kestrel"}, {"\x1b[6~", "otter"}, {"\x1b[5~", "kestrel"}, // PgDn, PgUp
		{" ", "otter"}, {"\x1b[H", "kestrel"}, {"\x1b[F", "otter"}, // Home, End
	} {
		s.press(way.keys + keyEnter)
		s.see(`^process +\d+ on host ` + way.host)
		s.press(keyBack)
		s.see(`^ *PID`)
	}
	s.press("\x1b[C") // right
	s.see(`^FUNC`)
	s.press("\x1b[D") // left
	s.see(`^ *PID`)

	s.press("?")
	s.see(`kill the process`)
	s.press(keyEsc)
	s.miss(`kill the process`)
	s.size(40, 10)
	s.until("a small screen", func(shown string) bool {
		return strings.Contains(shown, "busy 0/2") && len(strings.Split(strings.TrimRight(shown, "\n"), "\n")) <= 10
	})
	s.size(120, 30)
	s.see(`^ *PID .* LAST DEATH`)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.NotZero(t, s.quits())
}

func TestTopOutlivesTheBroker(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	serve := func(listen string) *service {
		return startService(t, serveReady, muster(t, "serve", "--listen", listen, "--store", store))
	}
	broker := serve("127.0.0.1:0")
	address := broker.ready[1]
	worker := startWorker(t, address, "--processes", "1", "--host", "kestrel")
	s := startTop(t, address, `busy 0/1 .* 1 host `, "NO_COLOR=1")
	broker.kill(t)
	s.see(`^broker away since \d\d:\d\d:\d\d`)
	s.press("2")
	s.see(`^kestrel .* serving`)
	s.press("Dy")
	s.see(`^(asking|fleet:|nats:).*`)
	u, err := url.Parse(address)
	require.NoError(t, err)
	serve(u.Host)
	s.see(`^busy 0/1`)

	require.NoError(t, worker.cmd.Process.Signal(syscall.SIGSTOP))
	s.see(`^kestrel .* lost`)
	s.see(`, 1 lost`)
	require.NoError(t, worker.cmd.Process.Signal(syscall.SIGCONT))
	s.see(`^kestrel .* serving`)
	s.press("q")
	require.Zero(t, s.quits())
	require.NotRegexp(t, `\x1b\[[0-9;]*3[0-7]m`, s.written(), "a colour")
}

func TestTopOnce(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2", "--host", "kestrel")
	mustRun(t, "submit", "echo", "1", "--url", url)

	text := strings.Join(mustRun(t, "top", "--once", "--url", url), "\n")
	require.Regexp(t, `(?m)^\S+ \S+: 0 of 2 worker processes busy$`, text)
	require.Regexp(t, `(?m)^default +running +0 +0 +0 +0 `, text)
	require.Regexp(t, `(?m)^kestrel +\w{8} +serving +0/2 `, text)
	require.Regexp(t, `(?m)^echo +\d`, text)
	require.NotContains(t, text, "\x1b")

	object := mustRunJSON[map[string]json.RawMessage](t, "top", "--once", "--json", "--url", url)
	require.Len(t, object, 5)
	snapshot := mustRunJSON[top.Snapshot](t, "top", "--once", "--json", "--url", url)
	require.Equal(t, "kestrel", snapshot.Hosts[0].Host)
	require.Len(t, snapshot.Hosts[0].Processes, 2)
	require.Equal(t, "default", snapshot.Queues[0].Name)
	require.Equal(t, "echo", snapshot.Funcs[0].Name)
	require.EqualValues(t, 1, snapshot.Funcs[0].Attempts)
	require.Positive(t, snapshot.Funcs[0].Run.P50)
	require.Empty(t, snapshot.Deaths)

	run(t, nil, "top", "--url", url).requireFailure(t, 2, "needs a terminal; use muster top --once")
	run(t, nil, "top", "--json", "--url", url).requireFailure(t, 2, "--json goes with --once")
}
