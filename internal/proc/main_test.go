package proc_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterfleet/muster/internal/proc"
)

// roleEnv makes the test binary, started again, play a part.
const roleEnv = "PROC_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		name, arg, _ := strings.Cut(role, ":")
		roles[name](arg)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var roles = map[string]func(arg string){
	"exit": func(code string) {
		n, _ := strconv.Atoi(code)
		os.Exit(n)
	},
	"print": func(text string) {
		fmt.Print(text)
		fmt.Fprint(os.Stderr, text)
	},
	"tail": func(lines string) {
		n, _ := strconv.Atoi(lines)
		for i := range n {
			fmt.Fprintf(os.Stderr, "line %d of the report \xff\n", i)
		}
	},
	"crash": func(goroutines string) { // among goroutines that all have a stack to show
		debug.SetTraceback("all")
		n, _ := strconv.Atoi(goroutines)
		var ready sync.WaitGroup
		for range n {
			ready.Add(1)
			go func() { ready.Done(); wait() }()
		}
		ready.Wait()
		fmt.Fprintln(os.Stderr, "panic: a false alarm")
		for range 1000 {
			fmt.Fprintln(os.Stderr, "life goes on")
		}
		crash()
	},
	"overflow": func(string) {
		debug.SetMaxStack(1 << 20)
		os.Exit(overflow(1))
	},
	"signal": func(string) {
		must(syscall.Kill(os.Getpid(), syscall.SIGSEGV))
		wait()
	},
	"starve": func(string) { // of what Go's heap needs to grow
		must(syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
		devour()
	},
	"devour": func(string) {
		conn, err := proc.ControlConn()
		must(err)
		bufio.NewReader(conn).ReadString('\n')
		devour()
	},
	"echo": func(string) { // what comes over the control connection goes back
		conn, err := proc.ControlConn()
		must(err)
		_, err = io.Copy(conn, conn)
		must(err)
	},
	"file": func(string) {
		conn, err := proc.ControlConn()
		must(err)
		_, err = io.Copy(conn, proc.InheritedFile(1))
		must(err)
	},
	"fds": func(string) { // what of ours does our child inherit?
		control, err := os.Readlink("/proc/self/fd/3")
		must(err)
		file, err := os.Readlink("/proc/self/fd/4")
		must(err)
		_, err = proc.ControlConn()
		must(err)
		proc.InheritedFile(0)
		list, err := exec.Command("/bin/ls", "-l", "/proc/self/fd").Output()
		must(err)
		fmt.Println(file, strings.Contains(string(list), control), strings.Contains(string(list), file))
	},
	"orphan": func(string) {
		_, err := proc.ControlConn()
		fmt.Print(errors.Is(err, proc.ErrNoControl))
	},
	"wait": func(string) { wait() },
	"deaf": func(string) { // has no standard streams and goes on
		conn, err := proc.ControlConn()
		must(err)
		for fd := range 3 {
			must(syscall.Close(fd))
		}
		fmt.Fprintln(conn, "deaf")
		bufio.NewReader(conn).ReadString('\n')
		os.Exit(7)
	},
	"parent": func(string) { // with a child in its group
		fmt.Println(startSleep(nil))
		wait()
	},
	"ancestor": func(string) { // with a child out of its group, holding stdout
		fmt.Println(startSleep(&syscall.SysProcAttr{Setsid: true}))
	},
	"supervisor": supervisor,
	"unguarded": func(string) { // supervisor without a guard
		p, err := startRole("wait")
		must(err)
		fmt.Println(p.PID())
		wait()
	},
}

// supervisor keeps two "parent" processes, one of them stopped, and a
// directory, and prints the ids of all processes below it.
func supervisor(dir string) {
	guard, err := proc.StartGuard(os.Args[0], []string{"guard"}, envFor(""), here)
	must(err)
	must(guard.RemoveDir(dir))
	must(os.WriteFile(dir+"/file", nil, 0o600))
	for i := range 2 {
		grandchild := make(chan string)
		p, err := proc.Start(proc.Spec{
			Path: os.Args[0], Args: []string{"parent"}, Env: envFor("parent"), Guard: guard,
			Output: func(_ proc.Stream, line []byte) { grandchild <- string(line) },
		})
		must(err)
		fmt.Println(p.PID())
		fmt.Println(<-grandchild)
		if i == 1 {
			must(p.Signal(syscall.SIGSTOP))
		}
	}
	fmt.Println("ready")
	wait()
}

// crash is a name to look for in a stack.
func crash() { panic("the end") }

func overflow(n int) int {
	if n == 0 {
		return 0
	}
	return overflow(n+1) + 1
}

// devour takes memory until there is no more.
func devour() {
	for taken := [][]byte{}; ; taken = append(taken, bytes.Repeat([]byte{1}, 16<<20)) {
	}
}

func wait() {
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGWINCH)
	<-never
}

func startRole(role string) (*proc.Process, error) {
	self, err := os.Executable()
	must(err)
	return proc.Start(proc.Spec{Path: self, Args: []string{role}, Env: envFor(role)})
}

func startSleep(attr *syscall.SysProcAttr) int {
	cmd := exec.Command("/bin/sleep", strconv.Itoa(int(time.Hour.Seconds())))
	cmd.SysProcAttr = attr
	cmd.Stdout = os.Stdout
	must(cmd.Start())
	return cmd.Process.Pid
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// envFor also spares the exit the race detector's wait of a second.
func envFor(role string) []string {
	return []string{roleEnv + "=" + role, "GORACE=atexit_sleep_ms=0"}
}

// here has a guard start where its owner is.
func here() string { return "" }
