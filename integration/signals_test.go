package integration

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// programFile returns a copy of the test's program, at a path of its own.
func programFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "host")
	copyProgram(t, path)
	return path
}

// copyProgram puts a copy of the test's program at a path, as one who deploys it
// does.
func copyProgram(t *testing.T, path string) {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer self.Close()
	// A process that another test starts meanwhile would hold the file open for writing for
	// a moment longer, and nobody could run it then.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	require.NoError(t, err)
	_, err = io.Copy(file, self)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, os.Rename(path+".new", path))
}

// requireRuns checks which file a process runs.
func requireRuns(t *testing.T, pid int, path string) {
	t.Helper()
	running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	require.NoError(t, err)
	file, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(running, file))
}

func TestHUPRollsToANewProgram(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	file := filepath.Join(t.TempDir(), "current") // to the latest release
	require.NoError(t, os.Symlink(programFile(t), file))
	h := s.program("host", params{URL: url, Host: "rolling", Processes: 2, File: file})
	h.lineWith("ready")
	h.lineWith("ready")

	var stop atomic.Bool
	c := s.client(url)
	results := make(chan seen, 1<<16)
	submitted := make(chan int, 1)
	go func() { // all the time
		defer close(results)
		n := 0
		defer func() { submitted <- n }()
		pending := make(chan *producer.Future[seen], 50)
		go func() {
			defer close(pending)
			for ; !stop.Load() && s.ctx.Err() == nil; n++ {
				f, err := producer.Submit(s.ctx, c, nap, 3*time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				pending <- f
			}
		}()
		for f := range pending {
			result, err := f.Result(s.ctx)
			if err != nil {
				t.Error(err)
				return
			}
			results <- result
		}
	}()

	pids := map[int]bool{}
	await := func() { // some results by new processes
		for before := len(pids); len(pids) < before+2; {
			select {
			case result, ok := <-results:
				require.True(t, ok)
				require.Equal(t, 1, result.Attempt, "a roll is charged to a task")
				pids[result.PID] = true
			case <-s.ctx.Done():
				require.FailNow(t, "no more results")
			}
		}
	}
	await()
	for _, deploy := range []func(){
		func() {
			release, err := filepath.EvalSymlinks(file)
			require.NoError(t, err)
			copyProgram(t, release)
		},
		func() {
			require.NoError(t, os.Symlink(programFile(t), file+".new"))
			require.NoError(t, os.Rename(file+".new", file))
		},
	} {
		deploy()
		h.signal(syscall.SIGHUP)
		h.lineWith("draining to go on as")
		h.lineWith("ready")
		h.lineWith("ready")
		requireRuns(t, h.cmd.Process.Pid, file)
		await()
	}
	require.Len(t, pids, 6)
	stop.Store(true)
	for result := range results {
		require.Equal(t, 1, result.Attempt, "a roll is charged to a task")
	}
	require.Greater(t, <-submitted, 0)
	h.terminate()
	h.wait()
}

func TestHUPKeepsTheOldProgramIfTheNewOneIsBroken(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	c := s.client(url)
	file := programFile(t)
	old := s.program("host", params{URL: url, Host: "old", Processes: 1, File: file})
	old.lineWith("ready")
	for _, broken := range []string{"#!/bin/sh\nexit 0\n", "#!/bin/sh\necho oh no >&2\nexit 1\n", "no program"} {
		require.NoError(t, os.WriteFile(file+".new", []byte(broken), 0o700))
		require.NoError(t, os.Rename(file+".new", file))
		old.signal(syscall.SIGHUP)
		old.lineWith("going on with the old program")

		// Also a process that is started now is of the old program.
		f, err := producer.Submit(s.ctx, c, die, dying{Manner: "exit 3", Times: 1})
		require.NoError(t, err)
		result, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 2, result.Attempt)
	}
	copyProgram(t, file)
	old.signal(syscall.SIGHUP)
	old.lineWith("draining to go on as")
	old.lineWith("ready")
	requireRuns(t, old.cmd.Process.Pid, file)
	old.terminate()
	old.wait()
}

// The new program ran, and is gone when its turn comes.
func TestHUPToAProgramThatVanishes(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	file := programFile(t)
	h := s.program("host", params{URL: url, Host: "rolling", Processes: 1, File: file})
	h.lineWith("ready")
	g := newGate(t)
	f := submitVisit(s, s.client(url), g, "task")
	v := g.next(t, s.ctx)
	h.signal(syscall.SIGHUP)
	h.lineWith("draining to go on as")
	require.NoError(t, os.Remove(file))
	v.letGo()
	_, err := f.Result(s.ctx)
	require.NoError(t, err)
	h.lineWith("going on with the old program")
	h.lineWith("ready")
	h.signal(syscall.SIGTTIN)
	h.lineWith("ready")
	h.terminate()
	h.wait()
}

// A task that runs holds a roll up, and SIGTERM makes an end of it.
func TestTERMDuringARoll(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	h := s.hostProgram(url, "rolling", 1)
	g := newGate(t)
	f := submitVisit(s, s.client(url), g, "task")
	v := g.next(t, s.ctx)
	h.signal(syscall.SIGHUP)
	h.lineWith("draining to go on as")
	h.terminate()
	v.letGo()
	_, err := f.Result(s.ctx)
	require.NoError(t, err)
	h.wait()
}

func TestTTINAndTTOUChangeTheNumberOfProcesses(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	h := s.hostProgram(url, "growing", 1)
	supervisorAndGuard := 2
	h.signal(syscall.SIGTTIN)
	h.lineWith("ready")
	require.Len(t, processesMarked(h.marker), supervisorAndGuard+2)
	h.signal(syscall.SIGTTOU)
	h.lineWith("processes=1")
	require.Eventually(t, func() bool {
		return len(processesMarked(h.marker)) == supervisorAndGuard+1
	}, patience, 10*time.Millisecond)
	h.signal(syscall.SIGTTOU)
	h.lineWith("the number of worker processes stays")
	require.Len(t, processesMarked(h.marker), supervisorAndGuard+1)
	h.terminate()
	h.wait()
}

func TestTERMWhileAHostStarts(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	g := newGate(t)
	h := s.program("host", params{URL: url, Processes: 2, InitialGate: g.address})
	g.next(t, s.ctx)
	h.terminate()
	h.wait()
	requireNoProcess(t, h.marker)
}

// A task that runs while other processes of its host still start is finished.
func TestTERMWhileAHostStartsAndATaskRuns(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	initial, g := newGate(t), newGate(t)
	h := s.program("host", params{URL: url, Processes: 2, InitialGate: initial.address})
	first, second := initial.next(t, s.ctx), initial.next(t, s.ctx)
	first.letGo()
	require.Equal(t, "ready", h.line())
	f := submitVisit(s, s.client(url), g, "task")
	v := g.next(t, s.ctx)
	h.terminate()
	h.lineWith("draining")
	second.letGo()
	v.letGo()
	result, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, v.PID, result.PID)
	require.Equal(t, 1, result.Attempt)
	h.wait()
}

func TestDrainTimeout(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	h := s.program("host", params{URL: url, Host: "impatient", Processes: 1, DrainTimeout: 100 * time.Millisecond})
	h.lineWith("ready")
	g := newGate(t)
	f := submitVisit(s, s.client(url), g, "task")
	g.next(t, s.ctx)
	h.terminate()
	h.lineWith("drain timeout")
	h.wait()
	s.hostProgram(url, "other", 1)
	g.open()
	result, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, result.Attempt, "a drain is charged to a task")
}

func TestTERMTwiceDrainsAndINTTwiceKills(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	c, g := s.client(url), newGate(t)
	patient := s.hostProgram(url, "patient", 1)
	f := submitVisit(s, c, g, "one")
	v := g.next(t, s.ctx)
	patient.terminate()
	patient.lineWith("draining")
	patient.terminate()
	v.letGo()
	result, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, v.PID, result.PID)
	patient.wait()

	hasty := s.hostProgram(url, "hasty", 1)
	f = submitVisit(s, c, g, "two")
	g.next(t, s.ctx)
	hasty.signal(syscall.SIGINT)
	hasty.lineWith("draining")
	hasty.signal(syscall.SIGINT)
	hasty.lineWith("stopped at once")
	hasty.wait()
	s.hostProgram(url, "other", 1)
	g.open()
	result, err = f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, result.Attempt)
}
