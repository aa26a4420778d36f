package pool

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/recent"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// hangs bounds what a test waits for and comes at once.
const hangs = 20 * time.Second

// someProcess returns a process that has ended; its id is what is of use.
func someProcess(t *testing.T) *proc.Process {
	t.Helper()
	path, err := exec.LookPath("true")
	require.NoError(t, err)
	p, err := proc.Start(proc.Spec{Path: path, Args: []string{path}})
	require.NoError(t, err)
	<-p.Exited()
	require.NoError(t, p.Control().Close())
	return p
}

// mute is a network with a broker that takes everything and answers nothing.
type mute struct{}

func (mute) Dial(string, string) (net.Conn, error) {
	client, broker := net.Pipe()
	go func() {
		defer broker.Close()
		_, err := io.WriteString(broker, `INFO {"headers":true,"max_payload":1048576}`+"\r\n")
		for in := bufio.NewReader(broker); err == nil; {
			var line []byte
			if line, err = in.ReadBytes('\n'); string(line) == "PING\r\n" {
				_, err = io.WriteString(broker, "PONG\r\n")
			}
		}
	}()
	return client, nil
}

// bench is a scheduler with a mute broker, to which a test brings deliveries and
// processes. What it sends to the broker is on its way for good.
type bench struct {
	*scheduler
	t       *testing.T
	process *proc.Process // that stands for each
	seq     uint64        // of the last delivery
}

func newBench(t *testing.T, cfg Config) *bench {
	nc, err := nats.Connect("nats://mute:4222", nats.SetCustomDialer(mute{}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	cfg.Host, cfg.Logger = "host", slog.New(slog.DiscardHandler)
	host := &Supervisor{cfg: cfg, nc: nc}
	s := &scheduler{
		cfg: &host.cfg, pid: os.Getpid(), nc: nc, logger: cfg.Logger,
		handles:    func(string) bool { return true },
		elsewhere:  func(string, string) int { return 0 },
		tick:       make(chan struct{}, 1),
		deliveries: map[deliveryKey]*delivery{}, outboxes: map[string]*outbox{},
		funcs: map[string]*funcStats{}, cancelled: recent.NewSet[codec.ID](maxCancelled),
	}
	if cfg.Queues == nil {
		host.cfg.Queues = []Queue{{Name: "queue"}}
	}
	s.addQueues(host.cfg.Queues)
	s.publisher, err = broker.NewPublisher(nc)
	require.NoError(t, err)
	s.desk, err = handoff.New(nc, s.publisher, &s.handed, cfg.Logger)
	require.NoError(t, err)
	t.Cleanup(s.disconnect)
	return &bench{scheduler: s, t: t, process: someProcess(t)}
}

// arrive has a batch of tasks come in a lane, and numbers them.
func (b *bench) arrive(lane broker.Lane, chunk bool, tasks ...codec.Task) *delivery {
	b.t.Helper()
	return b.arriveIn(laneID(lane), chunk, tasks...)
}

// arriveIn has a batch of tasks come in a lane of any queue.
func (b *bench) arriveIn(lane laneID, chunk bool, tasks ...codec.Task) *delivery {
	b.t.Helper()
	d := b.delivery(lane, chunk, tasks...)
	b.do(func(t *turn) {
		b.deliveries[d.key()] = d
		b.wait(span{d: d, to: d.batch.Len(), since: t.now}, false)
	})
	return d
}

func (b *bench) delivery(lane laneID, chunk bool, tasks ...codec.Task) *delivery {
	b.t.Helper()
	b.seq++
	batch := codec.NewBatch("client", nil)
	if chunk {
		batch = codec.NewChunk("client", nil)
	}
	for i := range tasks {
		tasks[i].N = b.seq*10_000 + uint64(i)
		batch.Add(&tasks[i])
	}
	d := &delivery{
		ack: "ack", subject: "subject", lane: lane, received: time.Now(),
		info: broker.AckInfo{StreamSeq: b.seq, Stored: time.Now(), Delivered: 1},
	}
	require.NoError(b.t, d.decode(batch.Bytes()))
	return d
}

// calls returns n tasks of a func.
func calls(n int, name string) []codec.Task {
	all := make([]codec.Task, n)
	for i := range all {
		all[i].Func = name
	}
	return all
}

// lasts has it known how long tasks of a func take.
func (b *bench) lasts(name string, usual time.Duration) {
	b.do(func(*turn) { b.stats(name).usual = usual })
}

// look returns what is found under the scheduler's lock.
func look[T any](b *bench, find func() T) T {
	b.mu.Lock()
	defer b.mu.Unlock()
	return find()
}

// waits returns how many tasks of a lane wait.
func (b *bench) waits(lane broker.Lane) int {
	return look(b, func() int { return b.lanes[lane].waiting })
}

// mate is a worker process of a bench: it does what the test has it do.
type mate struct {
	*process
	b     *bench
	far   *link.Conn
	board *scoreboard.Board // as the process sees it
}

// piece is a run that a mate was sent.
type piece struct {
	id    uint64
	tasks []codec.Task
}

// first returns the number of the piece's first task in its batch.
func (p piece) first() int { return int(p.tasks[0].N % 10_000) }

// mate has a process join.
func (b *bench) mate() *mate {
	b.t.Helper()
	m := b.stranger()
	b.join(m.process, false)
	return m
}

// stranger returns a process that is not ready.
func (b *bench) stranger() *mate {
	t := b.t
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	var ends [2]*link.Conn
	for i, fd := range fds {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "link")
		socket, err := net.FileConn(f)
		require.NoError(t, errors.Join(err, f.Close()))
		ends[i], err = link.New(socket)
		require.NoError(t, err)
		t.Cleanup(func() { _ = ends[i].Close() })
	}
	board, file, err := scoreboard.New()
	require.NoError(t, err)
	theirs, err := scoreboard.Open(file)
	require.NoError(t, errors.Join(err, file.Close()))
	t.Cleanup(func() { require.NoError(t, errors.Join(board.Close(), theirs.Close())) })
	p := &process{osProcess: b.process, board: board, link: ends[0], startedAt: time.Now(), look: make(chan struct{}, 1)}
	return &mate{process: p, b: b, far: ends[1], board: theirs}
}

// next returns the next run that the process was sent.
func (m *mate) next() piece {
	t := m.b.t
	t.Helper()
	require.NoError(t, m.far.Socket().SetReadDeadline(time.Now().Add(hangs)))
	f, err := m.far.Receive()
	require.NoError(t, err)
	require.Equal(t, link.KindRun, f.Kind)
	r, err := link.ReadRun(append([]byte{}, f.Payload...))
	require.NoError(t, err)
	var batch codec.Batch
	require.NoError(t, batch.Decode(r.Batch))
	return piece{r.ID, batch.Tasks}
}

// begin has the process begin the next task of a run, so long ago, and returns its
// index.
func (m *mate) begin(p piece, ago time.Duration) int {
	m.b.t.Helper()
	index, ok := m.board.Begin(p.id, time.Now().Add(-ago).UnixNano())
	require.True(m.b.t, ok, "no task is left")
	return index
}

// rest has the process run what it may of a run, and returns how many tasks that were.
func (m *mate) rest(p piece) (n int) {
	m.b.t.Helper()
	for {
		index, ok := m.board.Begin(p.id, time.Now().UnixNano())
		if !ok {
			return n
		}
		n++
		m.board.Finish(p.id, index)
		require.NoError(m.b.t, m.tell(p.id, 1))
	}
}

// tell has the process say that so many tasks of a run have a value, in a microsecond
// each.
func (m *mate) tell(run uint64, n int) error {
	now := time.Now()
	data := link.AppendOutcomes(nil, run, now)
	for range n {
		data = link.AppendOutcome(data, now, &link.Outcome{Started: now, Run: time.Microsecond, Body: []byte{1}})
	}
	return m.b.receive(m.process, data)
}

// has returns how many tasks the process has that have no outcome.
func (m *mate) has() int {
	return look(m.b, func() (n int) {
		for _, r := range m.work.runs {
			n += r.end - r.received
		}
		return n
	})
}

// quiet has it be long ago that the process got its first run, or sent outcomes.
func (m *mate) quiet() {
	look(m.b, func() bool {
		m.work.runs[0].given, m.work.heard = time.Time{}, time.Time{}
		return true
	})
}
