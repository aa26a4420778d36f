package chaos

import (
	"context"
	"math/rand/v2"
	"os"
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

// job is the argument of a task.
type job struct {
	Arg    uint64
	Nap    time.Duration
	Manner string // how the task kills its process: a key of manners
	Deaths int    // in how many of its attempts
	Budget int    // attempts that may end so
	Brief  bool   // call brief instead of solid
}

func (j job) fn() codec.Func[job, uint64] {
	if j.Brief {
		return brief
	}
	return solid
}

const (
	// ampleBudget is the crash budget of tasks that do their processes no harm:
	// more than any will be struck by chance.
	ampleBudget = 20
	// poisonBudget is that of tasks that kill every process they meet.
	poisonBudget = 3
)

// drawJob draws a client's n-th task, from the seed alone. Of varied tasks a third
// is so brief that they share messages, some of these wrongly, and a few kill their
// process. The others take between 1 and 5 ms and do no harm.
func drawJob(seed uint64, n int, varied bool) job {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	j := job{Arg: random.Uint64N(1 << 40), Budget: ampleBudget, Nap: time.Millisecond + time.Duration(random.Int64N(int64(4*time.Millisecond)))}
	if !varied {
		return j
	}
	j.Brief = random.IntN(3) == 0
	if j.Brief {
		j.Nap = time.Duration(random.IntN(200)) * time.Microsecond
	}
	if random.IntN(200) == 0 {
		j.Nap = time.Duration(50+random.IntN(250)) * time.Millisecond
	}
	if random.IntN(500) == 0 {
		j.Manner = mannerNames[random.IntN(len(mannerNames))]
		j.Deaths = 1 + random.IntN(2)
		if random.IntN(8) == 0 {
			j.Deaths, j.Budget = poisonBudget, poisonBudget
		}
	}
	return j
}

// compute is what a task comes to.
func compute(arg uint64) uint64 { return arg*2_654_435_761 ^ arg>>7 }

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

// exhaustMemory asks for more address space than the process may have.
func exhaustMemory() {
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
	w.note(finished, info, "")
	return compute(j.Arg), nil
}
