package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	sentryStartTime = 10 * time.Second
	sentryTellTime  = 200 * time.Millisecond
	sentryCloseTime = 10 * time.Second
)

// sentry is one guard process, seen from its owner.
type sentry struct {
	process *os.Process
	pipe    *os.File // ends when we do
	gone    chan struct{}
	failed  bool // valid once gone
}

// startSentry returns when the guard process has reported that it listens.
func startSentry(path string, args, env []string) (*sentry, error) {
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

	process, err := os.StartProcess(path, args, &os.ProcAttr{
		Dir: "/", // so that it keeps no file system busy
		Env: append([]string{}, env...),
		// Not our own output: whoever reads that to its end would have to
		// wait for the guard.
		Files: []*os.File{listen, null, null, report},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		pipe.Close()
		return nil, err
	}
	s := &sentry{process: process, pipe: pipe, gone: make(chan struct{})}
	go s.wait()

	report.Close() // so that its death ends the read
	_ = ready.SetReadDeadline(time.Now().Add(sentryStartTime))
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		s.kill()
		<-s.gone
		pipe.Close()
		return nil, fmt.Errorf("%w (%w)", ErrGuardSilent, err)
	}
	return s, nil
}

func (s *sentry) wait() {
	state, err := s.process.Wait()
	s.failed = err != nil || !state.Success()
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
	if s.failed {
		return errors.New("guard process failed")
	}
	return nil
}
