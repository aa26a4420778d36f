package proc_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { roles["doomed"] = doomed }

// The kernel kills a process that takes more than its cgroup may have. The role
// is a supervisor's, since what is counted is the supervisor's own cgroup.
func TestKernelRunsOutOfMemory(t *testing.T) {
	t.Parallel()
	cgroup := limitedCgroup(t, 256<<20)
	cmd := exec.Command(os.Args[0])
	cmd.Env = envFor("doomed:" + cgroup)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "killed by signal SIGKILL, sent by the kernel's out-of-memory killer\n"+
		"killed by signal SIGKILL\n", string(out), "the second was killed by hand")
}

// limitedCgroup makes a cgroup with a bound on memory, below our own.
func limitedCgroup(t *testing.T, limit int) (dir string) {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		bound := "memory.max"
		switch fields[1] {
		case "":
			dir = filepath.Join("/sys/fs/cgroup", fields[2])
		case "memory":
			dir, bound = filepath.Join("/sys/fs/cgroup/memory", fields[2]), "memory.limit_in_bytes"
		default:
			continue
		}
		dir = filepath.Join(dir, fmt.Sprintf("muster-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
		if err = os.WriteFile(filepath.Join(dir, bound), fmt.Append(nil, limit), 0); err == nil {
			// Swapping would only take longer; not every kernel has it.
			_ = os.WriteFile(filepath.Join(dir, "memory.swap.max"), []byte("0"), 0)
			return dir
		}
	}
	t.Skip("this user may not make a cgroup with a bound on memory here, so the kernel's killer cannot be called: ", err)
	return ""
}

// doomed is a supervisor that moves into a cgroup, has one process in it take
// more memory than there is, and kills another. It prints how they ended.
func doomed(cgroup string) {
	must(os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), fmt.Append(nil, os.Getpid()), 0))
	for _, end := range []func(pid int, control io.Writer){
		func(_ int, control io.Writer) { fmt.Fprintln(control, "go") },
		func(pid int, _ io.Writer) { must(syscall.Kill(pid, syscall.SIGKILL)) },
	} {
		p, err := startRole("devour")
		must(err)
		must(os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.PID()), []byte("1000"), 0)) // it, not us
		end(p.PID(), p.Control())
		<-p.Exited()
		fmt.Println(p.Exit())
	}
}
