package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// oomKills follows the kernel's count of what its out-of-memory killer has
// killed in the memory cgroup of this program, in which worker processes are
// born. The kernel does not say whom it killed; so each kill that is counted
// explains the death of one process by SIGKILL, and no more. What the workers
// have started is counted too: a worker that somebody kills after such a kill
// seems to have been killed for want of memory.
type oomKills struct {
	file string // empty: nothing is counted here

	mu          sync.Mutex
	counted     int
	unexplained int // kills that no death has been put down to
}

// ownOOMKills is of the cgroup that this program is in when it is first asked.
var ownOOMKills = sync.OnceValue(func() *oomKills {
	own, _ := os.ReadFile("/proc/self/cgroup")
	return newOOMKills(oomFiles("/sys/fs/cgroup", string(own))...)
})

// newOOMKills counts by the first of the files that has a count.
func newOOMKills(files ...string) *oomKills {
	for _, file := range files {
		if n, ok := readOOMKills(file); ok {
			return &oomKills{file: file, counted: n}
		}
	}
	return &oomKills{}
}

// oomFiles returns where the count may be, the most telling place first: that of
// the cgroup, of the root of a container that sees no more, and of the machine.
func oomFiles(root, own string) (files []string) {
	for _, path := range []func(string) string{
		func(path string) string { return path },
		func(string) string { return "/" },
	} {
		for line := range strings.Lines(own) {
			// hierarchy:controllers:path
			fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
			switch {
			case len(fields) < 3:
			case fields[1] == "":
				dir := filepath.Join(root, path(fields[2]))
				files = append(files, dir+"/memory.events.local", dir+"/memory.events")
			case strings.Contains(","+fields[1]+",", ",memory,"):
				files = append(files, filepath.Join(root, "memory", path(fields[2]), "memory.oom_control"))
			}
		}
	}
	return append(files, "/proc/vmstat")
}

func readOOMKills(file string) (n int, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if count, found := bytes.CutPrefix(line, []byte("oom_kill ")); found {
			n, err := strconv.Atoi(string(bytes.TrimSpace(count)))
			return n, err == nil
		}
	}
	return 0, false
}

// look takes in what the kernel has counted; k.mu is held.
func (k *oomKills) look() {
	if k.file == "" {
		return
	}
	if n, ok := readOOMKills(k.file); ok {
		k.unexplained += max(n-k.counted, 0)
		k.counted = n
	}
}

// explain reports whether the death of a process by SIGKILL can be put down to
// the out-of-memory killer.
func (k *oomKills) explain() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look()
	if k.unexplained == 0 {
		return false
	}
	k.unexplained--
	return true
}
