//go:build !linux

package peer

import (
	"os/exec"
	"syscall"
)

// alone puts a child into a process group of its own, so that ctrl-C reaches only
// this program, which then stops it.
func alone(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}
