package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// The funcs of the tasks. Clients learn how long each func runs, so there is one
// of tasks that share a message and one of tasks that do not.
var (
	brief = codec.NewFunc[job, uint64]("brief")
	solid = codec.NewFunc[job, uint64]("solid")
)

// compute is what a task comes to.
func compute(arg uint64) uint64 { return arg*2_654_435_761 ^ arg>>7 }

// complaint is the error that a task returns.
func complaint(arg uint64) string { return fmt.Sprintf("no luck with %d", arg) }

// manners are ways in which a task takes its process along.
var manners = map[string]func(){
	"exit 0":        func() { os.Exit(0) },
	"exit 3":        func() { os.Exit(3) },
	"SIGKILL":       func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) },
	"SIGSEGV":       func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV) },
	"panic":         func() { go panic("in another goroutine") },
	"out of memory": exhaustMemory,
}

var mannerNames = []string{"exit 0", "exit 3", "SIGKILL", "SIGSEGV", "panic", "out of memory"}

// exhaustMemory asks for more address space than the process may have. It has the
// process to itself, lest the race detector be the first to find none, in another
// thread.
func exhaustMemory() {
	runtime.GOMAXPROCS(1)
	var limit syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_AS, &limit))
	limit.Cur = 1 << 20 // less than it has already
	must(syscall.Setrlimit(syscall.RLIMIT_AS, &limit))
	for hoard := [][]byte{}; ; {
		hoard = append(hoard, make([]byte, 16<<20))
	}
}

// birth is when this process began, before anybody can kill it.
var birth = time.Now().UnixNano()

// worker notes what this worker process does.
var worker = sync.OnceValue(func() *witness {
	h, err := openRecorder(os.Getenv(historyEnv))
	must(err)
	return &witness{recorder: h, host: os.Getenv(hostEnv), pid: os.Getpid(), born: birth}
})

type witness struct {
	*recorder
	host string
	pid  int
	born int64
}

func (w *witness) note(e event, info consumer.Info, text string) {
	w.add(record{Event: e, Task: info.ID.String(), Attempt: info.Attempt, Note: text, Host: w.host, PID: w.pid, Born: w.born})
}

// handle registers the handlers.
func handle() {
	consumer.Handle(brief, do)
	consumer.Handle(solid, do)
	consumer.Handle(report, callHome)
}

func do(ctx context.Context, j job) (uint64, error) {
	info, _ := consumer.Task(ctx)
	w := worker()
	w.note(started, info, "")
	time.Sleep(j.Nap)
	if info.Attempt <= j.Deaths {
		w.note(killed, info, j.Manner)
		manners[j.Manner]()
		select {} // a signal may take a moment
	}
	if info.Attempt <= j.Deaths+j.Errors {
		w.note(erred, info, "")
		return 0, errors.New(complaint(j.Arg))
	}
	w.note(finished, info, "")
	return compute(j.Arg), nil
}
