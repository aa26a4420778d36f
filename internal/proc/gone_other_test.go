//go:build unix && !linux

package proc_test

import "syscall"

// gone reports whether the process is dead and reaped.
func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }
