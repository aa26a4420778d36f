package proc

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// GroupMemory returns the resident memory, in bytes, of process groups: that of
// all their processes together. A page that several share counts for each. A
// group that has ended has none.
func GroupMemory(groups []int) (map[int]uint64, error) {
	used := make(map[int]uint64, len(groups))
	for _, group := range groups {
		used[group] = 0
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking at processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("looking at processes: %w", err)
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// Far cheaper than to read of each process which group it is in.
		group, err := unix.Getpgid(pid)
		if err != nil {
			continue // gone meanwhile
		}
		if _, ok := used[group]; ok {
			used[group] += ResidentMemory(pid)
		}
	}
	return used, nil
}
