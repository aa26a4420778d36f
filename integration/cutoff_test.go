package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// cutOffTimeout bounds a test in which leases must end, and a moment in which
// tasks must come again. A lease and a second is what it should take.
const (
	cutOffTimeout = 2 * time.Minute
	elsewhere     = 30 * time.Second
)

// cutOff is a host that the others do not hear of any more, though it runs.
type cutOff struct {
	*stage
	gate *gate
	url  string // for everybody else
	host *program
	cut  func() (mend func())
}

func newCutOff(t *testing.T) *cutOff {
	s := newParallelStage(t)
	ctx, cancel := context.WithTimeout(context.Background(), cutOffTimeout)
	t.Cleanup(cancel)
	s.ctx = ctx
	return &cutOff{stage: s}
}

// run has the host cut off with running tasks, and one idle process, to which
// the broker may still give something.
func (s *cutOff) run() {
	c := s.client(s.url)
	submit := func(name string) *producer.Future[seen] { return submitVisit(s.stage, c, s.gate, name) }
	held := []*producer.Future[seen]{submit("a"), submit("b")}
	first, second := s.gate.next(s.t, s.ctx), s.gate.next(s.t, s.ctx)
	require.Subset(s.t, pidsOf(s.host), []int{first.PID, second.PID})
	other := s.hostProgram(s.url, "other", 2)
	others := pidsOf(other)

	began := time.Now()
	mend := s.cut()
	short := submitDoubles(s.stage, c, 200)
	for range held {
		again := s.gate.next(s.t, s.ctx)
		require.Contains(s.t, others, again.PID)
		require.Equal(s.t, 1, again.Attempt, "being cut off is charged to a task")
		again.letGo()
	}
	requireDoneElsewhere := func() {
		for _, f := range held {
			result, err := f.Result(s.ctx)
			require.NoError(s.t, err)
			require.Contains(s.t, others, result.PID)
		}
	}
	requireDoneElsewhere()
	took := time.Since(began)
	s.t.Logf("what ran there was done elsewhere after %v, with a lease of %v", took.Round(time.Millisecond), broker.Lease)
	require.Less(s.t, took, elsewhere)
	requireDoubled(s.stage, short)
	s.t.Logf("everything else after %v", time.Since(began).Round(time.Millisecond))

	mend()
	s.host.lineWith("the broker confirms leases again")
	first.letGo()
	second.letGo()

	// Alone, it serves with each of its processes, and what it came back with
	// is nobody's outcome.
	other.terminate()
	other.wait()
	serving := pidsOf(s.host)
	last := []*producer.Future[seen]{submit("c"), submit("d"), submit("e")}
	var visits []*visit
	for range last {
		v := s.gate.next(s.t, s.ctx)
		require.Contains(s.t, serving, v.PID)
		visits = append(visits, v)
	}
	for _, v := range visits {
		v.letGo()
	}
	for _, f := range last {
		require.NoError(s.t, f.Err(s.ctx))
	}
	requireDoneElsewhere()
	require.Zero(s.t, c.Pending())
}

// awaitLost waits until the host has noticed that its leases have ended.
func (s *cutOff) awaitLost() { s.host.lineWith("the broker does not confirm leases") }

// pidsOf returns a program's processes, with all that it has started.
func pidsOf(p *program) (pids []int) {
	for _, process := range processesMarked(p.marker) {
		number, _, _ := strings.Cut(process, " ")
		pid, err := strconv.Atoi(number)
		must(err)
		pids = append(pids, pid)
	}
	return pids
}

func TestHostFrozen(t *testing.T) {
	s := newCutOff(t)
	_, s.url = s.brokerProgram(-1)
	s.gate = newGate(t)
	s.host = s.hostProgram(s.url, "frozen", 3)
	s.cut = func() func() {
		pids := pidsOf(s.host)
		for _, pid := range pids {
			require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		}
		longEnough := time.After(broker.Lease + time.Second) // nobody tells when it would notice
		return func() {
			<-longEnough
			for _, pid := range pids {
				require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
			}
			s.awaitLost()
		}
	}
	s.run()
}

// Neither side is told that the line is dead.
func TestHostCutOff(t *testing.T) {
	s := newCutOff(t)
	_, s.url = s.brokerProgram(-1)
	s.gate = newGate(t)
	line := newProxy(t, s.url)
	s.host = s.hostProgram(line.url, "cut", 3)
	s.cut = func() func() {
		resume := line.stop(t)
		return func() {
			s.awaitLost()
			resume()
		}
	}
	s.run()
}

// The same on a network of the kernel's.
func TestHostUnplugged(t *testing.T) {
	s := newCutOff(t)
	n := newNetwork(t)
	b, err := broker.StartServer(broker.ServerConfig{Host: n.ours, Port: -1, StoreDir: filepath.Join(s.tmp, "store")})
	require.NoError(t, err)
	t.Cleanup(b.Shutdown)
	s.url, s.gate = b.URL(), newGateAt(t, n.ours)
	s.host = s.program("host", params{URL: s.url, Host: "unplugged", Processes: 3, Network: n.name})
	for range 3 {
		require.Equal(t, "ready", s.host.line())
	}
	s.cut = func() func() {
		n.link("down")
		return func() {
			s.awaitLost()
			n.link("up")
		}
	}
	s.run()
}

// network is a network namespace with a cable to ours.
type network struct {
	t    *testing.T
	name string
	ours string // address at our end
}

func newNetwork(t *testing.T) *network {
	if os.Getuid() != 0 {
		leaveOut(t, "only root may make a network namespace")
	}
	pid := os.Getpid()
	n := &network{t: t, name: fmt.Sprint("muster", pid), ours: fmt.Sprintf("10.213.%d.1", pid%256)}
	theirs := fmt.Sprintf("10.213.%d.2/30", pid%256)
	cable := fmt.Sprint("mu", pid)
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		leaveOut(t, fmt.Sprintf("no network namespace can be made here: %v %s", err, out))
	}
	t.Cleanup(func() { n.ip("netns", "del", n.name) })
	if out, err := exec.Command("ip", "link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", n.name).CombinedOutput(); err != nil {
		leaveOut(t, fmt.Sprintf("no virtual cable can be made here: %v %s", err, out))
	}
	n.ip("addr", "add", n.ours+"/30", "dev", cable)
	n.ip("link", "set", cable, "up")
	n.ip("-n", n.name, "addr", "add", theirs, "dev", "cable")
	n.link("up")
	return n
}

// leaveOut skips a test for want of a network namespace, unless MUSTER_REQUIRE names
// netns.
func leaveOut(t *testing.T, why string) {
	if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "netns") {
		require.FailNow(t, why)
	}
	t.Skip(why)
}

// link plugs their end of the cable in, or pulls it out.
func (n *network) link(state string) {
	n.ip("-n", n.name, "link", "set", "cable", state)
}

func (n *network) ip(arguments ...string) {
	n.t.Helper()
	out, err := exec.Command("ip", arguments...).CombinedOutput()
	require.NoError(n.t, err, "ip %s: %s", strings.Join(arguments, " "), out)
}
