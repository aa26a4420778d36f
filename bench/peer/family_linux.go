package peer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux counts a process's CPU time, on every
// architecture that Go knows.
const tick = 10 * time.Millisecond

// process is what the system tells of a process.
type process struct {
	parent   int
	cpu      time.Duration
	resident uint64 // bytes
}

// family returns a process and those below it.
func family(pid int) (process, []process, error) {
	first, err := look(pid)
	if err != nil {
		return process{}, nil, err
	}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return process{}, nil, err
	}
	all := map[int]process{}
	for _, entry := range entries {
		id, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			continue
		}
		if p, err := look(id); err == nil { // it may have ended
			all[id] = p
		}
	}
	var below []process
	for id, p := range all {
		up := p
		for up.parent != pid && up.parent > 1 && id != pid {
			up = all[up.parent] // the zero process if it is gone, which ends this
		}
		if up.parent == pid && id != pid {
			below = append(below, p)
		}
	}
	return first, below, nil
}

func look(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The second field, the name in parentheses, may contain anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 22 {
		return process{}, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i]) // the kernel's own
		return n
	}
	return process{
		parent:   number(1),
		cpu:      time.Duration(number(11)+number(12)) * tick,
		resident: uint64(number(21)) * uint64(os.Getpagesize()),
	}, nil
}
