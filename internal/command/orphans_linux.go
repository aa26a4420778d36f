package command

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of what commands leave behind, even
// if it has left the process group.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the parent of orphans: %w", err)
	}
	return nil
}

// maxGenerations bounds how often is looked for orphans: each time those come
// up whose parents were killed the time before.
const maxGenerations = 1000

// endOrphans kills what the command has left behind that ran with a process id,
// and no server.
func endOrphans(command int, servers []int) error {
	for range maxGenerations {
		// Mostly there is no child at all, and that is quick to know.
		if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err == unix.ECHILD {
			return nil
		}
		orphans, err := orphansOf(command, servers)
		if err != nil || len(orphans) == 0 {
			return err
		}
		for _, pid := range orphans {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return fmt.Errorf("killing the orphan %d: %w", pid, err)
			}
		}
		for _, pid := range orphans {
			for {
				if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
					break
				}
			}
		}
	}
	return errors.New("orphans keep coming up")
}

// orphansOf returns the children of this process that were started after a command,
// but for servers. These are older, which does not show once ids have begun again.
func orphansOf(command int, servers []int) (pids []int, err error) {
	last, err := lastPID()
	if err != nil {
		return nil, fmt.Errorf("looking for orphans: %w", err)
	}
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for orphans: %w", err)
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("looking for orphans: %w", err)
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		younger := pid > command && pid <= last
		if last < command { // they have
			younger = pid > command || pid <= last
		}
		if err == nil && younger && !slices.Contains(servers, pid) && parentOf(pid) == os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// lastPID returns the process id that was given last.
func lastPID() (int, error) {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(load)
	if len(fields) == 0 {
		return 0, errors.New("/proc/loadavg is empty")
	}
	return strconv.Atoi(string(fields[len(fields)-1]))
}

// parentOf returns a process's parent, or 0 if the process is gone.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// pid (command) state parent …, where the command may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return parent
}
