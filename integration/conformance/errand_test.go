package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// errand is what the tests of shutdown and of lifetimes have their worker
// processes do. Files named in it get the process's id as a line.
type errand struct {
	Started  string // written first
	Child    string // gets the id of a process that the errand starts
	Until    string // a file to wait for
	Forever  bool   // wait for ever
	Deaf     bool   // wait also when the context ends
	Stubborn bool   // ignore the signals that can be ignored
	Finished string // written last
}

// Each returns the id of the process that did it.
var (
	runErrand = codec.NewFunc[errand, int]("DL.errand")
	// longErrand is for errands that wait, so that clients learn of them apart.
	longErrand = codec.NewFunc[errand, int]("DL.long_errand")
)

func init() {
	consumer.Handle(runErrand, doErrand)
	consumer.Handle(longErrand, doErrand)
}

func doErrand(ctx context.Context, e errand) (int, error) {
	if e.Stubborn {
		signal.Ignore(syscall.SIGTERM, syscall.SIGQUIT)
	}
	if err := note(e.Started, os.Getpid()); err != nil {
		return 0, err
	}
	if e.Child != "" {
		child := exec.Command("sleep", "600")
		if err := child.Start(); err != nil {
			return 0, err
		}
		if err := note(e.Child, child.Process.Pid); err != nil {
			return 0, err
		}
	}
	if e.Deaf {
		ctx = context.Background()
	}
	if e.Forever {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if err := awaitFile(ctx, e.Until); err != nil {
		return 0, err
	}
	return os.Getpid(), note(e.Finished, os.Getpid())
}

// note appends an id to a file, if there is one.
func note(file string, pid int) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(pid) + "\n")
	return errors.Join(err, f.Close())
}

// look is how often is looked for what nobody tells of.
const look = 5 * time.Millisecond

// scratch names files of one subtest.
type scratch struct {
	t   testing.TB
	dir string
}

func newScratch(t testing.TB) scratch { return scratch{t, t.TempDir()} }

func (s scratch) file(name string) string { return filepath.Join(s.dir, name) }

// open makes the file that handlers wait for.
func (s scratch) open(name string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.file(name), nil, 0o600))
}

// pids returns the ids that have been noted in a file.
func (s scratch) pids(name string) []int {
	s.t.Helper()
	all, err := notes(s.file(name))
	require.NoError(s.t, err)
	return all
}

// await waits until n ids have been noted in a file, and returns them.
func (s scratch) await(name string, n int) (all []int) {
	s.t.Helper()
	eventually(s.t, func() bool {
		all = s.pids(name)
		return len(all) >= n
	}, "%d notes in %s", n, name)
	return all
}

// notes returns the ids noted in a file, whole lines only.
func notes(file string) (all []int, err error) {
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		if id, whole := strings.CutSuffix(line, "\n"); whole {
			pid, err := strconv.Atoi(id)
			if err != nil {
				return nil, err
			}
			all = append(all, pid)
		}
	}
	return all, nil
}

// eventually waits for what nobody tells of.
func eventually(t testing.TB, condition func() bool, message string, args ...any) {
	t.Helper()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for late := time.Now().Add(patience); !condition(); <-ticker.C {
		if time.Now().After(late) {
			require.FailNow(t, "waited too long for "+fmt.Sprintf(message, args...))
		}
	}
}

// submitErrand submits an errand.
func submitErrand(t testing.TB, c *producer.Client, e errand, options ...producer.CallOption) *producer.Future[int] {
	t.Helper()
	do := runErrand
	if e.Until != "" || e.Forever {
		do = longErrand
	}
	f, err := producer.Submit(soon(t), c, do, e, options...)
	require.NoError(t, err)
	return f
}

// submitErrands submits the same errand n times.
func submitErrands(t testing.TB, c *producer.Client, n int, e errand, options ...producer.CallOption) []*producer.Future[int] {
	t.Helper()
	futures := make([]*producer.Future[int], n)
	for i := range futures {
		futures[i] = submitErrand(t, c, e, options...)
	}
	return futures
}

// pidOf waits for the id of the process that did an errand.
func pidOf(t testing.TB, f *producer.Future[int]) int {
	t.Helper()
	pid, err := f.Result(soon(t))
	require.NoError(t, err)
	require.NotZero(t, pid)
	return pid
}

// alive reports whether a process lives; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// pid (command) state …, where the command may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 0 && string(fields[0]) != "Z" && string(fields[0]) != "X"
}

// requireGone waits until processes have gone that nobody told us the end of.
func requireGone(t testing.TB, pids ...int) {
	t.Helper()
	require.NotEmpty(t, pids)
	for _, pid := range pids {
		eventually(t, func() bool { return !alive(pid) }, "the end of process %d", pid)
	}
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// logged keeps what a pool logs from level info on.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what has been logged so far.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) option() pool.Option { return pool.WithLogger(slog.New(slog.NewTextHandler(l, nil))) }
