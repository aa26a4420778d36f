package proc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	cleanUpTime     = 2 * time.Second
	cleanUpInterval = 10 * time.Millisecond
	reportFD        = 3
)

// RoleEnv names the environment variable that tells a program that was started
// again by itself what it is.
const RoleEnv = "MUSTER_ROLE"

const roleGuard = "guard"

// A guard process ends here, before main: it must not do what the program does
// before it starts workers, such as to open ports, read files and print. Only the
// packages that are initialized before this one have run.
func init() {
	if os.Getenv(RoleEnv) == roleGuard {
		guardMain()
	}
}

// guardMain is the whole life of a guard process and never returns.
func guardMain() {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	NameProcess(os.Args[0])
	// So that it keeps no file system busy. It has been started where the program
	// is, for the packages that are initialized before this one.
	_ = os.Chdir("/")
	report := os.NewFile(reportFD, "report")
	if _, err := report.Write([]byte{1}); errors.Is(err, syscall.EBADF) {
		fmt.Fprintln(os.Stderr, "guard process: nobody to guard; it is started by its supervisor only")
		os.Exit(2)
	}
	report.Close()
	_ = unix.Dup2(int(os.Stdout.Fd()), int(os.Stderr.Fd())) // the owner reads it no more

	groups, dirs := listen(os.Stdin)
	if err := cleanUp(groups, dirs); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// NameProcess names this process after a path, in place of the file that it was
// started from.
func NameProcess(path string) {
	_ = os.WriteFile("/proc/self/comm", []byte(filepath.Base(path)), 0) // only the name would be lost
}

// listen follows the messages until the owner is gone and returns what it left
// behind.
func listen(r io.Reader) (groups map[int]bool, dirs map[string]bool) {
	groups, dirs = make(map[int]bool), make(map[string]bool)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return groups, dirs // a line without end is half a message
		}
		verb, object, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		pgid, _ := strconv.Atoi(object)
		switch {
		case verb == killVerb && pgid > 1: // 0 and 1 would mean us, and everybody
			groups[pgid] = true
		case verb == spareVerb:
			delete(groups, pgid)
		case verb == removeVerb:
			if dir, err := strconv.Unquote(object); err == nil {
				dirs[dir] = true
			}
		}
	}
}

// message is one or more lines to the guard process.
type message string

const (
	killVerb   = "kill"
	spareVerb  = "spare"
	removeVerb = "remove"
)

func killGroup(pgid int) message  { return message(fmt.Sprintf("%s %d\n", killVerb, pgid)) }
func spareGroup(pgid int) message { return message(fmt.Sprintf("%s %d\n", spareVerb, pgid)) }
func removeDir(dir string) message {
	return message(fmt.Sprintf("%s %s\n", removeVerb, strconv.Quote(dir)))
}
