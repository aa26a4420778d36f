package scoreboard

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sharedMemory returns a file in memory that has no name. Its size is sealed: a
// worker process that shrank it would make the supervisor's next read fault.
func sharedMemory(size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("muster-scoreboard", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "scoreboard")
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		f.Close()
		return nil, fmt.Errorf("sealing the size: %w", err)
	}
	return f, nil
}
