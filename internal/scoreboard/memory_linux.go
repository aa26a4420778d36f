package scoreboard

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sharedMemory returns a file of a size in memory, which has no name in a directory. Its size is sealed: a
// worker process that shrank it would make the supervisor's next read fault.
func sharedMemory(name string, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("muster-"+name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
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
