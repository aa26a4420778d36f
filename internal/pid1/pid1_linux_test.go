package pid1

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const roleEnv = "PID1_ROLE"

const childStatus = 7

// roles are what the test binary can be. Process 1 of the tests is one that
// orphans are handed to, as to process 1.
var roles = map[string]func(){
	"first": func() {
		must(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		must(os.Setenv(roleEnv, "child"))
		status, err := keep(os.Args, "")
		must(err)
		os.Exit(status)
	},
	"child": func() {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		parent := role("parent")
		parent.Stdout = os.Stdout
		must(parent.Run())
		fmt.Println("child", os.Getpid())
		<-term
		os.Exit(childStatus)
	},
	// The parent leaves an orphan, which ends with its stdin.
	"parent": func() {
		orphan := role("orphan")
		stdin, err := orphan.StdinPipe()
		must(err)
		must(orphan.Start())
		fmt.Println("orphan", orphan.Process.Pid)
		_ = stdin
	},
	"orphan": func() { _, _ = io.Copy(io.Discard, os.Stdin) },
}

func role(name string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+name, "GORACE=atexit_sleep_ms=0")
	return cmd
}

func TestMain(m *testing.M) {
	if play := roles[os.Getenv(roleEnv)]; play != nil {
		play()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// begin starts a process 1, and returns it with its child, once an orphan has come
// and gone.
func begin(t *testing.T) (first *exec.Cmd, child int) {
	first = role("first")
	first.Stderr = os.Stderr
	stdout, err := first.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, first.Start())
	t.Cleanup(func() {
		_ = first.Process.Kill()
		_ = first.Wait()
	})
	lines := bufio.NewScanner(stdout)
	pid := func(who string) int {
		require.True(t, lines.Scan(), "it ended")
		number, found := strings.CutPrefix(lines.Text(), who+" ")
		require.True(t, found, lines.Text())
		pid, err := strconv.Atoi(number)
		require.NoError(t, err)
		return pid
	}
	orphan := pid("orphan")
	child = pid("child")
	require.Eventually(t, func() bool {
		// A zombie would still be there.
		return syscall.Kill(orphan, 0) == syscall.ESRCH
	}, time.Minute, 10*time.Millisecond, "orphan %d is not reaped", orphan)
	return first, child
}

func TestSignalsArePassedOnAndOrphansReaped(t *testing.T) {
	t.Parallel()
	first, _ := begin(t)
	require.NoError(t, first.Process.Signal(syscall.SIGTERM))
	_ = first.Wait()
	require.Equal(t, childStatus, first.ProcessState.ExitCode())
}

func TestStatusOfAChildThatIsKilled(t *testing.T) {
	t.Parallel()
	first, child := begin(t)
	require.NoError(t, syscall.Kill(child, syscall.SIGKILL))
	_ = first.Wait()
	require.Equal(t, 128+int(syscall.SIGKILL), first.ProcessState.ExitCode())
}

func TestElsewhereMainReturns(t *testing.T) {
	t.Parallel()
	Main(os.Args, "")
}
