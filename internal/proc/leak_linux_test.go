package proc_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/proc"
)

// Not parallel: it counts what the whole test process has.
func TestStartsLeaveNothing(t *testing.T) {
	run := func(n int) {
		guard := startGuard(t)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range n / 8 {
					p, err := proc.Start(proc.Spec{Path: "/bin/true", Args: []string{"true"}, Guard: guard})
					if err != nil {
						t.Error(err)
						return
					}
					<-p.Exited()
					p.Control().Close()
				}
			})
		}
		_, err := proc.Start(proc.Spec{Path: "/no/such/executable", Guard: guard})
		require.Error(t, err)
		wg.Wait()
		require.NoError(t, guard.Close())
	}
	run(8) // so that what the runtime keeps for good is there
	fds, goroutines := descriptors(t), runtime.NumGoroutine()
	run(200)
	require.ElementsMatch(t, fds, descriptors(t))
	// The goroutine that closes Exited may be about to return. Eventually would have more.
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	_, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	require.ErrorIs(t, err, syscall.ECHILD, "there is a child left")
}

func descriptors(t testing.TB) (all []string) {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(target, "/proc/") { // the listing itself
			all = append(all, e.Name())
		}
	}
	return all
}

func TestGrandchildrenInheritNothing(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	got, output := lines()
	spec := specFor("fds")
	spec.Files, spec.Output = []*os.File{file}, output
	start(t, spec)
	require.Equal(t, file.Name()+" false false", next(t, got))
}

// The kernel kills the children of a thread, so a thread that ends must not
// take the processes along that were started from its goroutine.
func TestProcessOutlivesTheThreadThatStartedIt(t *testing.T) {
	t.Parallel()
	started := make(chan *proc.Process)
	var thread int
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with us
		thread = syscall.Gettid()
		p, err := proc.Start(specFor("echo"))
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	p := <-started
	defer p.Control().Close()
	if thread != os.Getpid() { // the first thread never ends
		require.Eventually(t, func() bool {
			_, err := os.Stat("/proc/self/task/" + strconv.Itoa(thread))
			return err != nil
		}, patience, time.Millisecond)
	}
	require.NoError(t, p.Control().SetDeadline(time.Now().Add(patience)))
	_, err := p.Control().Write([]byte("x"))
	require.NoError(t, err)
	_, err = p.Control().Read(make([]byte, 1))
	require.NoError(t, err, "the process is dead")
	require.NoError(t, p.Kill())
	requireClosed(t, p.Exited())
}
