package chaos

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/goleak"
)

// cleanUpTimeout is how soon nothing may be left of a fleet that was stopped.
const cleanUpTimeout = 5 * time.Second

// noteLeftovers notes the processes, directories and goroutines of the fleet that
// have outlived it. Nobody tells of the end of processes that are not our
// children, so it looks now and then.
func (f *fleet) noteLeftovers() {
	var all []string
	for deadline := time.Now().Add(cleanUpTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if all = append(f.processes(), f.directories()...); len(all) == 0 {
			break
		}
	}
	if err := goleak.Find(); err != nil {
		all = append(all, err.Error())
	}
	for _, what := range all {
		f.history.add(record{Event: left, Note: what + " is left"})
	}
}

// processes returns the fleet's processes that live, and zombies among our own
// children.
func (f *fleet) processes() (all []string) {
	marked := []byte(markerEnv + "=" + f.marker + "\x00")
	entries, err := os.ReadDir("/proc")
	must(err)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environment, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // it may be gone, or another's
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if bytes.Contains(environment, marked) || parentIn(stat) == os.Getpid() {
			all = append(all, "process "+string(stat[:bytes.IndexByte(stat, ')')+1]))
		}
	}
	return all
}

// parentIn reads the parent's pid from /proc/PID/stat.
func parentIn(stat []byte) int {
	// pid (command) state parent …, where the command may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// directories returns what supervisors have left in the temporary directory.
func (f *fleet) directories() []string {
	all, err := filepath.Glob(f.path("muster-*"))
	must(err)
	return all
}
