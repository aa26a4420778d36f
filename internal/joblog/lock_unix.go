//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package joblog

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps two runs from writing one job log. The kernel releases it with the
// file, however the process ends. Where files have no locks it does nothing.
func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return nil
}
