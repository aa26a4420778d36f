package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/link"
)

// The funcs of the tests.
var (
	double      = codec.NewFunc[int, int]("double")
	nap         = codec.NewFunc[time.Duration, seen]("nap")
	attend      = codec.NewFunc[call, seen]("attend")
	die         = codec.NewFunc[dying, seen]("die")
	flaky       = codec.NewFunc[flakiness, seen]("flaky")
	report      = codec.NewFunc[call, seen]("report")
	hog         = codec.NewFunc[hogging, seen]("hog")
	misbehave   = codec.NewFunc[string, any]("misbehave")
	need        = codec.NewFunc[string, bool]("need")
	harm        = codec.NewFunc[dying, seen]("harm")           // its manners are those of harms
	flood       = codec.NewFunc[int, seen]("flood")            // sends so many frames to the supervisor
	environment = codec.NewFunc[string, string]("environment") // the value of a variable
	locate      = codec.NewFunc[int, string]("locate")         // the working directory
	rare        = codec.NewFunc[int, seen]("rare")             // has a handler where rareEnv is set
	mark        = codec.NewFunc[string, bool]("mark")          // adds to a file, and says whether it was the first
	echo        = codec.NewFunc[[]byte, []byte]("echo")
	unknown     = codec.NewFunc[int, int]("unknown")
)

// seen is what a task saw of itself.
type seen struct{ PID, Attempt int }

// call sends a task to a gate.
type call struct {
	Gate  string
	Name  string
	Child bool   // start a process first that stays
	Say   string // print it first
}

// dying has a task die a number of times before it succeeds.
type dying struct {
	Manner string // a key of deaths; empty: not at all
	Times  int
}

// hogging has a task take memory until its process is killed, or for good.
type hogging struct {
	Times int  // how many attempts do
	Child bool // a child takes it
}

// flakiness has a task fail a number of times before it succeeds.
type flakiness struct {
	Gate   string // where it waits first, if set
	Manner string // a key of manners
	Times  int
}

const rareEnv = "FLEET_RARE"

func handle() {
	if os.Getenv(rareEnv) != "" {
		consumer.Handle(rare, func(ctx context.Context, _ int) (seen, error) { return look(ctx), nil })
	}
	consumer.Handle(locate, func(context.Context, int) (string, error) {
		dir, err := os.Getwd()
		if errors.Is(err, fs.ErrNotExist) {
			return "a directory that is gone", nil
		}
		return dir, err
	})
	consumer.Handle(echo, func(_ context.Context, data []byte) ([]byte, error) { return data, nil })
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(nap, func(ctx context.Context, d time.Duration) (seen, error) {
		time.Sleep(d)
		return look(ctx), nil
	})
	consumer.Handle(attend, func(ctx context.Context, c call) (seen, error) {
		s := look(ctx)
		if c.Say != "" {
			fmt.Println(c.Say)
		}
		if c.Child {
			if err := exec.Command("sleep", "3600").Start(); err != nil {
				return s, err
			}
		}
		return s, waitAtGate(c.Gate, visit{Name: c.Name, PID: s.PID, Attempt: s.Attempt})
	})
	consumer.Handle(die, func(ctx context.Context, d dying) (seen, error) {
		s := look(ctx)
		if s.Attempt <= d.Times {
			fmt.Fprintln(os.Stderr, "dying by", d.Manner)
			deaths[d.Manner]()
			time.Sleep(patience) // a signal may take a moment
		}
		return s, nil
	})
	consumer.Handle(harm, func(ctx context.Context, d dying) (seen, error) {
		s := look(ctx)
		if s.Attempt <= d.Times {
			harms[d.Manner]()
		}
		return s, nil
	})
	consumer.Handle(flood, func(ctx context.Context, n int) (seen, error) {
		for range n {
			writeToLink(frame(link.KindReport, []byte(`{"pong":true}`)))
		}
		return look(ctx), nil
	})
	consumer.Handle(flaky, func(ctx context.Context, f flakiness) (seen, error) {
		s := look(ctx)
		if f.Gate != "" {
			if err := waitAtGate(f.Gate, visit{PID: s.PID, Attempt: s.Attempt}); err != nil {
				return s, err
			}
		}
		if s.Attempt <= f.Times {
			_, err := manners[f.Manner]()
			return s, err
		}
		return s, nil
	})
	consumer.Handle(hog, func(ctx context.Context, h hogging) (seen, error) {
		s := look(ctx)
		if s.Attempt > h.Times {
			return s, nil
		}
		if h.Child { // dd fills a block, and keeps it while nobody reads
			return s, exec.Command("sh", "-c", "dd if=/dev/zero bs=256M count=1 | sleep 3600").Run()
		}
		all := make([]byte, 256<<20)
		for i := 0; i < len(all); i += os.Getpagesize() {
			all[i] = 1
		}
		time.Sleep(time.Minute) // the limit is looked at now and then
		runtime.KeepAlive(all)
		return s, errors.New("nobody minds")
	})
	consumer.Handle(report, func(ctx context.Context, c call) (seen, error) {
		for done := range uint64(101) {
			if err := consumer.Report(ctx, codec.Progress{Done: done, Total: 100, Note: "pages"}); err != nil {
				return seen{}, err
			}
		}
		return look(ctx), waitAtGate(c.Gate, visit{})
	})
	consumer.Handle(environment, func(_ context.Context, name string) (string, error) { return os.Getenv(name), nil })
	consumer.Handle(need, func(_ context.Context, path string) (bool, error) {
		_, err := os.Stat(path)
		return err == nil, err
	})
	consumer.Handle(mark, func(_ context.Context, path string) (bool, error) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return false, err
		}
		before, err := f.Seek(0, io.SeekEnd)
		_, failed := f.Write([]byte{1})
		return before == 0, errors.Join(err, failed, f.Close())
	})
	consumer.Handle(misbehave, func(_ context.Context, manner string) (any, error) { return manners[manner]() })
}

func look(ctx context.Context) seen {
	info, _ := consumer.Task(ctx)
	return seen{PID: os.Getpid(), Attempt: info.Attempt}
}

// deaths are ways to take the process along.
var deaths = map[string]func(){
	"SIGKILL": func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) },
	// Go has a handler for this signal, so as a program that has none.
	"SIGSEGV": func() { _ = syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -s SEGV $$"}, nil) },
	"SIGSTOP": func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) },
	"exit 0":  func() { os.Exit(0) },
	"exit 3":  func() { os.Exit(3) },
	"panic":   func() { go panic("in another goroutine") },
	"out of memory": func() {
		_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		for taken := [][]byte{}; ; taken = append(taken, make([]byte, 64<<20)) {
		}
	},
}

// silent is an error without a message.
type silent struct{}

func (*silent) Error() string { return "" }

// manners are ways to fail without harm to the process.
var manners = map[string]func() (any, error){
	"pid":       func() (any, error) { return os.Getpid(), nil },
	"error":     func() (any, error) { return nil, errors.New("no luck") },
	"final":     func() (any, error) { return nil, codec.Final(errors.New("no luck")) },
	"empty":     func() (any, error) { return nil, errors.New("") },
	"typed nil": func() (any, error) { return nil, (*silent)(nil) },
	"panic":     func() (any, error) { panic("oh no") },
	"goexit":    func() (any, error) { runtime.Goexit(); return nil, nil },
	"channel":   func() (any, error) { return make(chan int), nil },
	"large":     func() (any, error) { return strings.Repeat("x", 2<<20), nil },
}
