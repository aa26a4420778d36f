package pool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// runningImage is, on Linux, the program that runs, whatever its file is now.
const runningImage = "/proc/self/exe"

// image gives the file to start worker processes from: the program that runs,
// also when its own file has been replaced, so that a host's processes are all of
// its own version until it is rolled.
func image() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("pool: finding this program's file: %w", err)
	}
	if _, err := os.Stat(runningImage); runtime.GOOS == "linux" && err == nil {
		return runningImage, nil
	}
	return path, nil
}

// programFile gives where the file of this program is looked for when it is to be
// replaced: where it was found when it was started, which may be a symbolic link
// that leads to the latest version.
func programFile() (string, error) {
	resolved, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("pool: finding this program's file: %w", err)
	}
	named, err := exec.LookPath(os.Args[0])
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	if err == nil {
		named, err = filepath.Abs(named)
	}
	if err != nil || !sameFile(named, resolved) {
		return resolved, nil // it was given another name than its own
	}
	return named, nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// nameProcess gives a re-executed process the program's name, which otherwise
// would be that of the file it was started from.
func nameProcess() {
	_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(os.Args[0])), 0) // a name is all there is to lose
}

// inheritedEnv is our environment without what is meant for us alone: a process
// that we start shall not report to the service manager in our name.
func inheritedEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "WATCHDOG_")
	})
}
