package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/producer"
)

// harms are ways in which a handler can harm its process's link to the supervisor. The
// process is of no use after each.
var harms = map[string]func(){
	"garbage": func() {
		writeToLink(bytes.Repeat([]byte{0xff}, 64))
		time.Sleep(patience)
	},
	"garbage, and returns": func() { writeToLink(bytes.Repeat([]byte{0xff}, 64)) },
	"a flood of garbage": func() {
		for {
			writeToLink(frame(link.KindReport, []byte("no JSON")))
		}
	},
	"a frame that is too long": func() {
		writeToLink([]byte{0xff, 0xff, 0xff, 0xff, byte(link.KindReport), 2, 0, 0})
		time.Sleep(patience)
	},
	"a frame without its file": func() {
		f := frame(link.KindStore, link.AppendValue(nil, &link.Value{}))
		f[6] = 1
		writeToLink(f)
		time.Sleep(patience)
	},
	"a frame of the supervisor's": func() {
		writeToLink(frame(link.KindRun, make([]byte, 100)))
		time.Sleep(patience)
	},
	"outcomes of no run": func() {
		forge(1 << 40)
		time.Sleep(patience)
	},
	"outcomes of runs to come": func() {
		for run := range uint64(1000) {
			forge(1000 + run)
		}
		time.Sleep(patience)
	},
	"a value that it did not ask for": func() {
		writeToLink(frame(link.KindFetch, link.AppendValue(nil, &link.Value{Run: 1 << 40, Text: "object"})))
		time.Sleep(patience)
	},
	"closed": func() {
		closeLink()
		time.Sleep(patience)
	},
	"closed, and returns": closeLink,
	"half a frame, and closed": func() {
		writeToLink(frame(link.KindReport, make([]byte, 100))[:50])
		closeLink()
		time.Sleep(patience)
	},
	"shut down": func() {
		for _, fd := range linkDescriptors() {
			_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
		}
		time.Sleep(patience)
	},
}

// linkDescriptors returns the descriptors of this worker process's link, whatever
// their numbers are.
func linkDescriptors() (all []int) {
	entries, err := os.ReadDir("/proc/self/fd")
	must(err)
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if address, err := syscall.Getsockname(fd); err == nil {
			if _, unix := address.(*syscall.SockaddrUnix); unix {
				all = append(all, fd)
			}
		}
	}
	if len(all) == 0 {
		must(errors.New("there is no link"))
	}
	return all
}

func closeLink() {
	for _, fd := range linkDescriptors() {
		must(syscall.Close(fd))
	}
}

// writeToLink writes past the process's own end of the link.
func writeToLink(data []byte) {
	fd := linkDescriptors()[0]
	for len(data) > 0 {
		n, err := syscall.Write(fd, data)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			time.Sleep(time.Millisecond)
		case err != nil:
			time.Sleep(patience) // until the process is killed
		default:
			data = data[n:]
		}
	}
}

func frame(kind link.Kind, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), byte(kind), 2, 0, 0}, payload...)
}

// forge says of a run that its next task has a value.
func forge(run uint64) {
	now := time.Now()
	value := link.Outcome{Started: now, Run: time.Microsecond, Body: []byte{42}}
	writeToLink(frame(link.KindOutcomes, link.AppendOutcome(link.AppendOutcomes(nil, run, now), now, &value)))
}

// A handler that harms its process's link is charged for it, and nobody else notices.
func TestALinkThatIsHarmed(t *testing.T) {
	for manner := range harms {
		t.Run(manner, func(t *testing.T) {
			s := newStage(t)
			p := s.local(3)
			c, g := p.Client(), newGate(t)
			beside := submitVisit(s, c, g, "beside")
			waits := g.next(t, s.ctx) // in another process, all the while
			before := p.Supervisor().PIDs()
			once, err := producer.Submit(s.ctx, c, harm, dying{manner, 1})
			require.NoError(t, err)
			require.NoError(t, c.Flush(s.ctx))
			others := submitDoubles(s, c, 500)
			result, err := once.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, 2, result.Attempt, "its own task is charged")
			requireDoubled(s, others)

			always, err := producer.Submit(s.ctx, c, harm, dying{manner, 100}, producer.Crashes(2))
			require.NoError(t, err)
			others = submitDoubles(s, c, 500)
			var died *codec.WorkerDiedError
			require.ErrorAs(t, always.Err(s.ctx), &died)
			require.Equal(t, "SIGKILL", died.Signal)
			require.Equal(t, 2, died.Attempt)
			requireDoubled(s, others)

			waits.letGo()
			result, err = beside.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, seen{PID: waits.PID, Attempt: 1}, result)
			require.Eventually(t, func() bool { return len(p.Supervisor().PIDs()) == len(before) },
				patience, 10*time.Millisecond, "the processes are not replaced")
			require.Contains(t, p.Supervisor().PIDs(), waits.PID)
			require.NotContains(t, p.Supervisor().PIDs(), died.PID)
			require.Zero(t, c.Pending())
		})
	}
}

// What reads, and says nothing, is no harm, however much of it there is.
func TestALinkThatIsFlooded(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	before := p.Supervisor().PIDs()
	f, err := producer.Submit(s.ctx, p.Client(), flood, 20_000)
	require.NoError(t, err)
	others := submitDoubles(s, p.Client(), 1000)
	result, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, result.Attempt)
	requireDoubled(s, others)
	require.ElementsMatch(t, before, p.Supervisor().PIDs())
}

// A process that stops while it runs a task keeps that one alone, until its limit.
func TestAProcessThatStopsReading(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	c := p.Client()
	stops, err := producer.Submit(s.ctx, c, die, dying{"SIGSTOP", 100}, producer.Limit(time.Second))
	require.NoError(t, err)
	others := submitDoubles(s, c, 2000)
	requireDoubled(s, others)
	require.ErrorIs(t, stops.Err(s.ctx), codec.ErrTimeLimit)
	requireDoubled(s, submitDoubles(s, c, 500))
	require.Eventually(t, func() bool { return len(p.Supervisor().PIDs()) == 2 }, patience, 10*time.Millisecond)
}

// Worker processes have neither a connection to the broker nor what one needs.
func TestAWorkerProcessCannotReachTheBroker(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	g := newGate(t)
	f := submitVisit(s, p.Client(), g, "visit")
	v := g.next(t, s.ctx)
	requireDoubled(s, submitDoubles(s, s.client(p.URL()), 0))
	broker, err := url.Parse(p.URL())
	require.NoError(t, err)
	require.NotEmpty(t, connections(t, os.Getpid(), broker.Port()), "this process has one")
	require.Empty(t, connections(t, v.PID, broker.Port()))
	require.NotNil(t, broker.User)
	secret, ok := broker.User.Password()
	if !ok {
		secret = broker.User.Username()
	}
	require.Greater(t, len(secret), 8)
	for _, name := range []string{"environ", "cmdline"} {
		shown, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", v.PID, name))
		require.NoError(t, err)
		require.NotEmpty(t, shown)
		require.NotContains(t, string(shown), secret, name)
	}
	v.letGo()
	require.NoError(t, f.Err(s.ctx))
}

// connections returns the TCP sockets of a process that are connected to a port.
func connections(t *testing.T, pid int, port string) (all []string) {
	t.Helper()
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	inodes := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			// sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
			fields := strings.Fields(line)
			if len(fields) > 9 && strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", n)) {
				inodes[fields[9]] = true
			}
		}
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	require.NoError(t, err)
	for _, e := range entries {
		target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, e.Name()))
		if inode, ok := strings.CutPrefix(target, "socket:["); ok && inodes[strings.TrimSuffix(inode, "]")] {
			all = append(all, target)
		}
	}
	return all
}
