package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	// sentryStartTime is long because packages that load much may be initialized
	// first. A process that ends is noticed at once.
	sentryStartTime = 2 * time.Minute
	sentryTellTime  = 200 * time.Millisecond
	sentryCloseTime = 10 * time.Second
)

// sentry is one guard process, seen from its owner.
type sentry struct {
	process *os.Process
	pipe    *os.File // ends when we do
	gone    chan struct{}
	state   *os.ProcessState // valid once gone
}

// startSentry returns when the guard process has reported that it listens. Its
// error contains what the process wrote to stderr before.
func (g *Guard) startSentry() (*sentry, error) {
	var theirs []*os.File
	defer func() { closeAll(theirs) }()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	theirs = append(theirs, null)
	listen, pipe, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	theirs = append(theirs, listen)
	ready, report, err := os.Pipe()
	if err != nil {
		pipe.Close()
		return nil, err
	}
	defer ready.Close()
	theirs = append(theirs, report)
	stderr, words, err := os.Pipe()
	if err != nil {
		pipe.Close()
		return nil, err
	}
	theirs = append(theirs, words)

	process, err := os.StartProcess(g.path, g.args, &os.ProcAttr{
		Dir: g.dir(),
		Env: append(g.env[:len(g.env):len(g.env)], RoleEnv+"="+roleGuard),
		// Not our own output: whoever reads that to its end would have to
		// wait for the guard.
		Files: []*os.File{listen, null, words, report},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		pipe.Close()
		stderr.Close()
		return nil, err
	}
	var out output
	out.read(Stderr, stderr)
	s := &sentry{process: process, pipe: pipe, gone: make(chan struct{})}
	go s.wait()

	report.Close() // so that its death ends the read
	words.Close()
	_ = ready.SetReadDeadline(time.Now().Add(sentryStartTime))
	_, err = ready.Read(make([]byte, 1))
	if err == nil {
		out.finish(time.Now())
		return s, nil
	}
	s.kill()
	<-s.gone
	pipe.Close()
	out.finish(time.Now().Add(drainTime))
	why := newExit(process.Pid, s.state).String()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		why = fmt.Sprintf("not within %v", sentryStartTime)
	}
	if said := out.words.String(); said != "" {
		why += "; its stderr ends:\n" + said
	}
	return nil, fmt.Errorf("%w: %s", ErrGuardStart, why)
}

func (s *sentry) wait() {
	s.state, _ = s.process.Wait() // nil if somebody else in this program waits for any child
	close(s.gone)
}

// tell returns once the message is in the pipe: the guard process reads what is
// there before it sees the pipe's end.
func (s *sentry) tell(m message) error {
	_ = s.pipe.SetWriteDeadline(time.Now().Add(sentryTellTime))
	_, err := s.pipe.WriteString(string(m))
	return err
}

func (s *sentry) kill() { _ = s.process.Kill() }

// dismiss lets the guard process do its work and waits until it is gone.
func (s *sentry) dismiss() error {
	s.pipe.Close()
	stuck := time.NewTimer(sentryCloseTime)
	defer stuck.Stop()
	select {
	case <-s.gone:
	case <-stuck.C:
		s.kill()
		<-s.gone
		return ErrGuardStuck
	}
	if s.state == nil || !s.state.Success() {
		return errors.New("guard process failed")
	}
	return nil
}
