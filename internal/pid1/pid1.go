// Package pid1 lets a program be the first process of a container whose image
// holds nothing else. The kernel hands every orphan of the container to that
// process, which must reap it, and delivers to it only signals that it handles.
package pid1

import (
	"fmt"
	"os"
)

// Main returns at once, except in process 1. There it starts the program again
// as its child, with args and in dir, or where it is if that is empty, passes signals on to it, reaps orphans, and ends with the
// child's status, or with 128 and the number of the signal that killed it; what
// else runs in the container ends with it. It must be called before the program
// does anything, since that is done twice otherwise.
func Main(args []string, dir string) {
	if os.Getpid() != 1 {
		return
	}
	status, err := keep(args, dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "muster: as process 1:", err)
	}
	os.Exit(status)
}
