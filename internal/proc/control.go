package proc

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

const (
	controlFD   = 3
	firstFileFD = controlFD + 1
)

// controlTaken keeps a second ControlConn from taking what fd 3 is by then.
var controlTaken atomic.Bool

// ControlConn returns the process's end of its supervisor's Control connection.
// It is for the started process to call, once; ErrNoControl means that there is
// none. What the process starts does not inherit it.
func ControlConn() (net.Conn, error) {
	if kind, err := syscall.GetsockoptInt(controlFD, syscall.SOL_SOCKET, syscall.SO_TYPE); err != nil || kind != syscall.SOCK_STREAM {
		return nil, ErrNoControl
	}
	if controlTaken.Swap(true) {
		return nil, ErrNoControl
	}
	return FileConn(os.NewFile(controlFD, "control"))
}

// InheritedFile returns the i-th of the Spec's Files in the started process. It
// is close-on-exec, so that what the process starts does not inherit it, and
// the caller closes it.
func InheritedFile(i int) *os.File {
	fd := firstFileFD + i
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), fmt.Sprintf("inherited file %d", i))
}

// SocketPair returns our end of a new connection to a process and the process's, which
// no process inherits by itself.
func SocketPair() (net.Conn, *os.File, error) {
	// The lock keeps a fork from slipping in before close-on-exec is set.
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("making a connection to a process: %w", os.NewSyscallError("socketpair", err))
	}
	theirs := os.NewFile(uintptr(fds[1]), "process's end")
	ours, err := FileConn(os.NewFile(uintptr(fds[0]), "supervisor's end"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// FileConn returns the connection of a socket, and closes the file.
func FileConn(f *os.File) (net.Conn, error) {
	defer f.Close() // net keeps a duplicate
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("making a connection of a socket: %w", err)
	}
	return conn, nil
}
