//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package flock

import (
	"errors"
	"os"
	"syscall"
)

// Lock takes the exclusive lock of an open file or directory without waiting. The
// kernel releases it when the file is closed, however the process ends; children do
// not inherit it. Its error is [ErrHeld], or says why there are no locks here.
func Lock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		case err != nil:
			return os.NewSyscallError("flock", err)
		}
		return nil
	}
}
