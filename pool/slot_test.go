package pool

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/proc"
)

// fakeProcess is a process that lives until it is killed, or the test ends it.
type fakeProcess struct {
	pid     int
	control net.Conn
	events  chan event
	died    chan struct{}

	mu      sync.Mutex
	exit    proc.Exit
	signals []os.Signal
}

func (f *fakeProcess) PID() int                { return f.pid }
func (f *fakeProcess) Control() net.Conn       { return f.control }
func (f *fakeProcess) Died() <-chan struct{}   { return f.died }
func (f *fakeProcess) Exited() <-chan struct{} { return f.died }

func (f *fakeProcess) Exit() proc.Exit {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.exit
}

func (f *fakeProcess) Signal(sig os.Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signals = append(f.signals, sig)
	return nil
}

func (f *fakeProcess) sent() []os.Signal {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.signals
}

func (f *fakeProcess) Kill() error {
	if isClosed(f.died) {
		return os.ErrProcessDone
	}
	f.end(proc.Exit{Code: -1, Signal: syscall.SIGKILL})
	return nil
}

func (f *fakeProcess) end(exit proc.Exit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	exit.PID = f.pid
	f.exit = exit
	close(f.events)
	close(f.died)
}

// slotBench is a slot whose processes the test plays. Its time is a bubble's.
type slotBench struct {
	*bench
	host      *Supervisor
	processes []*mate
	fails     atomic.Bool // no process can be started
	first     chan error  // receives how the first start ended

	mu     sync.Mutex
	deaths []Death
}

// withSlot runs a test with one slot, and checks that it goes when it is to.
func withSlot(t *testing.T, cfg Config, test func(b *slotBench)) {
	t.Helper()
	b := newBench(t, cfg) // outside, since its connection is none of the bubble's
	synctest.Test(t, func(t *testing.T) {
		sb := &slotBench{bench: b, first: make(chan error, 1)}
		sb.t = t
		cfg := *b.cfg
		cfg.Processes = 1
		cfg.Listener.Died = func(d Death) {
			sb.mu.Lock()
			defer sb.mu.Unlock()
			sb.deaths = append(sb.deaths, d)
		}
		sb.host = &Supervisor{
			cfg: cfg, nc: b.nc, scheduler: b.scheduler, start: sb.start, broken: make(chan error, 1),
			deaths: deathHistory{counts: map[codec.Cause]uint64{}}, startTurn: make(chan struct{}),
			leaving: make(chan struct{}), killing: make(chan struct{}), stopped: make(chan struct{}),
		}
		sb.host.mu.Lock()
		sb.host.addSlot(sb.first)
		sb.host.mu.Unlock()
		synctest.Wait()
		test(sb)
		sb.host.stop()
		synctest.Wait()
		if last := sb.latest(); last != nil {
			last.fake().leave(consumer.LeavingDrained)
		}
		sb.host.slotsWG.Wait()
		sb.host.recoveries.Wait()
		require.Empty(t, sb.host.slots)
		require.Zero(t, look(sb.bench, func() int { return sb.starting + len(sb.dormant) }), "nothing is expected of it")
	})
}

// fakeMate is a mate whose process is fake.
type fakeMate struct{ *mate }

func (m *mate) fake() fakeMate { return fakeMate{m} }

func (m fakeMate) process() *fakeProcess { return m.osProcess.(*fakeProcess) }

func (b *slotBench) start(number int) (*process, error) {
	if b.fails.Load() {
		return nil, errors.New("no memory")
	}
	m := b.stranger()
	control, _ := net.Pipe()
	m.slot, m.startedAt, m.events = number, time.Now(), make(chan event)
	m.osProcess = &fakeProcess{pid: 100 + len(b.processes), control: control, events: m.events, died: make(chan struct{})}
	b.processes = append(b.processes, m)
	return m.process, nil
}

// death returns a death that was told, from the first on.
func (b *slotBench) death(i int) Death {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Greater(b.t, len(b.deaths), i)
	return b.deaths[i]
}

// latest returns the process that lives, nil if none does.
func (b *slotBench) latest() *mate {
	if len(b.processes) == 0 {
		return nil
	}
	last := b.processes[len(b.processes)-1]
	if isClosed(last.Died()) {
		return nil
	}
	return last
}

// report has the process report something.
func (m fakeMate) report(r report) {
	m.events <- event{report: r}
	synctest.Wait()
}

// ready has the process come as far as to be ready.
func (m fakeMate) ready() {
	m.report(report{Main: true})
	require.NotNil(m.b.t, m.order().Setup)
	m.report(report{Ready: true, Funcs: []string{"f"}})
}

// die has the process end.
func (m fakeMate) die(exit proc.Exit) {
	m.process().end(exit)
	synctest.Wait()
}

// leave has the process leave in good order.
func (m fakeMate) leave(why consumer.Leaving) {
	m.report(report{Left: why})
	m.die(proc.Exit{})
}

// order returns the next order that the process was sent.
func (m fakeMate) order() (o order) {
	t := m.b.t
	t.Helper()
	synctest.Wait()
	f, err := m.far.Receive()
	require.NoError(t, err)
	require.Equal(t, link.KindOrder, f.Kind)
	require.NoError(t, json.Unmarshal(f.Payload, &o))
	return o
}

// requireState requires that the slot shows a state.
func (b *slotBench) requireState(want codec.ProcessState) {
	b.t.Helper()
	synctest.Wait()
	b.host.mu.Lock()
	defer b.host.mu.Unlock()
	require.Len(b.t, b.host.slots, 1)
	status := b.host.slots[0].status()
	require.Equal(b.t, want, status.State)
	require.Equal(b.t, b.host.slots[0].process != nil, status.PID != 0)
}

var killed = proc.Exit{Code: -1, Signal: syscall.SIGKILL}

func TestASlotShowsItsState(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		m := b.latest().fake()
		b.requireState(codec.ProcessStarting)
		m.ready()
		require.NoError(b.t, <-b.first)
		b.requireState(codec.ProcessIdle)
		b.arrive(broker.Normal, false, calls(1, "f")...)
		p := m.next()
		m.begin(p, 0)
		b.requireState(codec.ProcessBusy)
		m.board.Finish(p.id, 0)
		require.NoError(b.t, m.tell(p.id, 1))
		b.requireState(codec.ProcessIdle)
		b.host.stop()
		require.Equal(b.t, consumer.LeavingDrained, m.order().Drain)
		b.requireState(codec.ProcessDraining)
	})
}

func TestASlotIsDormantWithoutWork(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{OnDemand: true, IdleTimeout: time.Minute}, func(b *slotBench) {
		require.NoError(b.t, <-b.first)
		b.requireState(codec.ProcessDormant)
		for range 2 {
			require.Nil(b.t, b.latest())
			b.arrive(broker.Normal, false, calls(1, "f")...)
			b.requireState(codec.ProcessStarting)
			m := b.latest().fake()
			m.ready()
			m.rest(m.next())
			time.Sleep(time.Minute)
			require.Equal(b.t, consumer.LeavingIdle, m.order().Drain)
			b.requireState(codec.ProcessDraining)
			m.leave(consumer.LeavingIdle)
			b.requireState(codec.ProcessDormant)
		}
	})
}

func TestADormantSlotGoesAsItIsWoken(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{OnDemand: true}, func(b *slotBench) {
		b.requireState(codec.ProcessDormant)
		b.do(func(*turn) { b.starting, b.dormant = 1, nil }) // it is about to receive the signal
		b.host.stop()
		synctest.Wait()
		require.Empty(b.t, b.processes)
	})
}

func TestASlotWaitsAfterProcessesThatDieEarly(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		time.Sleep(aloneTime)
		for range immediateRestarts {
			b.requireState(codec.ProcessStarting)
			b.latest().fake().die(killed)
		}
		b.requireState(codec.ProcessStarting)
		for delay := minBackoff; delay < time.Second; delay *= 2 {
			b.latest().fake().die(killed)
			b.requireState(codec.ProcessBackoff)
			time.Sleep(delay - time.Millisecond)
			b.requireState(codec.ProcessBackoff)
			time.Sleep(delay/4 + time.Millisecond)
			b.requireState(codec.ProcessStarting)
		}
		m := b.latest().fake()
		m.ready()
		time.Sleep(minUptime + 1)
		m.die(killed)
		b.requireState(codec.ProcessStarting)
		require.False(b.t, isClosed(b.latest().Died()), "at once: the last one lived long")
		require.EqualValues(b.t, len(b.processes)-1, b.host.deaths.counts[codec.CauseUnready]+b.host.deaths.counts[codec.CauseSignal])
		for range immediateRestarts + 1 {
			b.latest().fake().die(killed)
		}
		b.requireState(codec.ProcessBackoff) // from which it goes at once
	})
}

func TestAProcessMustBeReadyInTime(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		first := b.latest().fake()
		time.Sleep(setupTimeout - 1)
		b.requireState(codec.ProcessStarting)
		require.Same(b.t, first.mate, b.latest())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.True(b.t, isClosed(first.Died()))
		require.ErrorIs(b.t, <-b.first, ErrNotReady)
		synctest.Wait()
		second := b.latest().fake()
		second.report(report{Main: true})
		time.Sleep(readyTimeout)
		synctest.Wait()
		require.True(b.t, isClosed(second.Died()))
		require.EqualValues(b.t, 2, b.host.deaths.counts[codec.CauseUnready])
		require.Contains(b.t, b.death(1).Cause, "not ready in time")
	})
}

func TestASlotThatGoesBeforeItsProcessIsReady(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		b.host.stop()
		b.host.slotsWG.Wait()
		b.host.recoveries.Wait()
		require.NoError(b.t, <-b.first, "nobody did anything wrong")
		x := &exit{process: b.processes[0].process}
		x.ending, _ = x.howEnded()
		require.NoError(b.t, x.startError(), "also if its death is told first")
		require.True(b.t, b.death(0).Expected)
		require.Empty(b.t, b.host.deaths.counts)
	})
}

func TestAProcessThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		time.Sleep(aloneTime)
		b.fails.Store(true)
		b.latest().fake().die(killed)
		b.requireState(codec.ProcessBackoff)
		b.fails.Store(false)
		time.Sleep(maxBackoff)
		b.requireState(codec.ProcessStarting)
	})
}

func TestATaskIsStoppedStepByStep(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		m := b.latest().fake()
		m.ready()
		d := b.arrive(broker.Normal, false, calls(2, "f")...)
		p := m.next()
		m.begin(p, 0)
		cancel := func(index int) {
			m.requestStop(stopRequest{runIndex: runIndex{p.id, index}, why: codec.CodeCancelled, message: "cancelled"})
		}
		cancel(0)
		require.Equal(b.t, &stop{Run: p.id, Index: 0, Why: codec.CodeCancelled}, m.order().Stop)
		m.board.Finish(p.id, 0)
		require.NoError(b.t, m.tell(p.id, 1))
		m.begin(p, 0)
		time.Sleep(time.Minute)
		require.Empty(b.t, m.process().sent(), "the task has ended")

		cancelledID := codec.ID{Client: "client", N: d.batch.N(1)}.String()
		cancel(1)
		cancel(1) // again
		require.Equal(b.t, 1, m.order().Stop.Index)
		at := time.Now()
		for _, step := range []struct {
			after time.Duration
			sent  []os.Signal
		}{
			{499, nil},
			{500, []os.Signal{syscall.SIGTERM}},
			{749, []os.Signal{syscall.SIGTERM}},
			{750, []os.Signal{syscall.SIGTERM, syscall.SIGQUIT}},
			{999, []os.Signal{syscall.SIGTERM, syscall.SIGQUIT}},
		} {
			time.Sleep(time.Until(at.Add(step.after * time.Millisecond)))
			synctest.Wait()
			require.Equal(b.t, step.sent, m.process().sent(), "after %d ms", step.after)
		}
		time.Sleep(time.Millisecond)
		<-m.Died()
		synctest.Wait()
		require.Equal(b.t, "killed by signal SIGKILL, since its task was cancelled while it ran", b.death(0).Cause)
		require.True(b.t, b.death(0).Running)
		require.EqualValues(b.t, 1, b.host.deaths.counts[codec.CauseCancelled])
		require.Equal(b.t, cancelledID, b.host.deaths.latest[0].Task)
	})
}

func TestKillEndsAProcessAtOnce(t *testing.T) {
	t.Parallel()
	withSlot(t, Config{}, func(b *slotBench) {
		m := b.latest().fake()
		m.ready()
		b.arrive(broker.Normal, false, calls(1, "f")...)
		m.begin(m.next(), 0)
		b.host.stop()
		close(b.host.killing)
		<-m.Died()
		b.host.slotsWG.Wait()
		b.host.recoveries.Wait()
		require.Len(b.t, b.processes, 1, "none follows")
		require.True(b.t, b.death(0).Expected)
		require.False(b.t, b.death(0).Running, "its task is not charged")
		require.Equal(b.t, 1, b.waits(broker.Normal))
	})
}
