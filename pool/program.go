package pool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/musterfleet/muster/login"
)

// started is how this program was started. Its worker processes are started alike,
// whatever it has changed since: until they reach [Main] they do what the program
// did until then.
var started = struct {
	args []string
	dir  string
	at   fs.FileInfo // of dir; nil if unknown
}{slices.Clone(os.Args), workingDir(), here()}

// mainDir is where the program was when it reached [Main]; nil before that, and
// within it nil if unknown.
var mainDir atomic.Pointer[fs.FileInfo]

func workingDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

func here() fs.FileInfo {
	info, err := os.Stat(".")
	if err != nil {
		return nil
	}
	return info
}

// isHere reports whether a directory is the working directory, also when it has
// been moved or removed since. One that is not known counts as such.
func isHere(dir fs.FileInfo) bool {
	now := here()
	return dir == nil || now == nil || os.SameFile(dir, now)
}

// startDir returns the working directory for processes that start as this program
// did: empty for where it is now.
func startDir() string {
	if isHere(started.at) {
		return ""
	}
	return started.dir
}

// handlerDir returns the working directory for handlers: where the program has gone
// since [Main], empty if nowhere.
func handlerDir() string {
	if at := mainDir.Load(); at == nil || isHere(*at) {
		return ""
	}
	return workingDir()
}

// startArgs returns the arguments for processes that start as this program did.
func startArgs(url string, who login.Credentials) []string {
	return concealArgs(started.args, url, who)
}

// concealArgs returns arguments without what they hold of a host's secrets, which
// handlers are not to find: the password or token of its credentials, alone or behind
// "=", and the user in its URL.
func concealArgs(args []string, url string, who login.Credentials) []string {
	var users []string // in URLs
	for server := range strings.SplitSeq(url, ",") {
		_, rest, _ := strings.Cut(server, "//")
		if user, _, ok := strings.Cut(rest, "@"); ok {
			users = append(users, "//"+user+"@")
		}
	}
	args = slices.Clone(args)
	for i, arg := range args {
		for _, user := range users {
			arg = strings.ReplaceAll(arg, user, "//***@")
		}
		for _, secret := range []string{who.Password, who.Token} {
			if name, found := strings.CutSuffix(arg, secret); found && secret != "" && (name == "" || strings.HasSuffix(name, "=")) {
				arg = name + "***"
			}
		}
		args[i] = arg
	}
	return args
}

// runningProgram is, on Linux, the program that runs, whatever its file is now.
const runningProgram = "/proc/self/exe"

// executablePath returns the file to start worker processes from: the program that runs,
// also when its own file has been replaced, so that a host's processes are all of
// its own version until it is rolled.
func executablePath() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("pool: finding this program's file: %w", err)
	}
	if _, err := os.Stat(runningProgram); runtime.GOOS == "linux" && err == nil {
		return runningProgram, nil
	}
	return path, nil
}

// programFile returns where the file of this program is looked for when it is to be
// replaced: where it was found when it was started, which may be a symbolic link
// that leads to the latest version.
func programFile() (string, error) {
	resolved, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("pool: finding this program's file: %w", err)
	}
	named := started.args[0]
	if filepath.Base(named) == named {
		named, err = exec.LookPath(named)
		if errors.Is(err, exec.ErrDot) {
			err = nil
		}
	}
	if !filepath.IsAbs(named) {
		named = filepath.Join(started.dir, named)
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

// inheritedEnv is our environment without what is meant for us alone: a process
// that we start must not report to the service manager in our name.
func inheritedEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "WATCHDOG_")
	})
}
