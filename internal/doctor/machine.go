package doctor

import (
	"fmt"
	"syscall"
)

// fewFiles is too few file descriptors for a host of some worker processes, or a
// broker of some queues.
const fewFiles = 1024

// machine looks at the machine that the examination runs on.
func (e *examination) machine() {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		e.warn(CheckMachine, "", "the limit of file descriptors is not known: "+err.Error(), "try ulimit -n")
		return
	}
	if most := uint64(limit.Max); most < fewFiles {
		e.warn(CheckMachine, "", fmt.Sprintf("a process here may have %d file descriptors at most", most),
			"raise it: ulimit -Hn, LimitNOFILE= of a systemd unit, or ulimits of a container")
		return
	}
	e.ok(CheckMachine, "", "a process here may have enough file descriptors")
}
