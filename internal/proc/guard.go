package proc

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	firstRestartDelay = 50 * time.Millisecond
	maxRestartDelay   = 5 * time.Second
	// A guard process that lived this long is restarted at once.
	goodLife = 10 * time.Second
)

// Guard cleans up after the program that holds it, however that ends. It is a
// process of its own, out of reach of Ctrl-C and of signals to our group, that
// knows which process groups to kill and which directories to remove. It does
// so when its pipe from us ends. Should it die before us, another takes over.
//
// All methods are safe for concurrent use.
type Guard struct {
	path      string
	args, env []string
	dir       func() string

	mu     sync.Mutex
	groups map[int]bool
	dirs   map[string]bool
	sentry *sentry // nil while there is none
	closed bool

	closing   chan struct{}
	kept      chan struct{} // closed when nobody replaces the sentry any more
	closeOnce sync.Once
	closeErr  error
}

// StartGuard starts a guard process from the executable at path, which must be a
// program with this package, commonly the running one. It never reaches main.
// args[0] is the name it shows, and env is the rest of its environment. dir returns
// where it starts, empty for where this program is; it is called again when the guard
// process has died and is replaced. The error wraps ErrGuardStart.
func StartGuard(path string, args, env []string, dir func() string) (*Guard, error) {
	path, err := filepath.Abs(path) // a guard is replaced after the program has gone elsewhere, too
	if err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	g := &Guard{
		path: path, args: args, env: env, dir: dir,
		groups:  make(map[int]bool),
		dirs:    make(map[string]bool),
		closing: make(chan struct{}),
		kept:    make(chan struct{}),
	}
	g.sentry, err = g.startSentry()
	if err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	go g.keep(g.sentry)
	return g, nil
}

// RemoveDir has dir removed, with everything in it, when the program has ended
// or the guard is closed. The error is ErrGuardClosed after Close.
func (g *Guard) RemoveDir(dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("guarding %q: %w", dir, err)
	}
	if dir == "" || path == filepath.Dir(path) {
		return fmt.Errorf("guarding %q: %w", dir, syscall.EINVAL)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrGuardClosed
	}
	g.dirs[path] = true
	g.tell(removeDir(path))
	return nil
}

func (g *Guard) addGroup(pgid int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrGuardClosed
	}
	g.groups[pgid] = true
	g.tell(killGroup(pgid))
	return nil
}

// dropGroup returns when the guard process cannot miss it any more, so that the
// group's number may be given to others.
func (g *Guard) dropGroup(pgid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, pgid)
	g.tell(spareGroup(pgid))
}

// tell passes one message on, with the lock held. A guard process that does not
// take it is killed, and its successor learns everything anew.
func (g *Guard) tell(m message) {
	if g.sentry == nil || g.closed {
		return
	}
	if err := g.sentry.tell(m); err != nil {
		g.sentry.kill()
	}
}

// Close ends the guard process, which first kills the groups of processes that
// still run and removes the directories, and waits until it is gone. Closing
// again does nothing. The error is ErrGuardStuck if the guard process had to be
// killed.
func (g *Guard) Close() error {
	g.closeOnce.Do(func() {
		if err := g.close(); err != nil {
			g.closeErr = fmt.Errorf("closing the guard: %w", err)
		}
	})
	return g.closeErr
}

func (g *Guard) close() error {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	close(g.closing)
	<-g.kept

	if g.sentry != nil {
		err := g.sentry.dismiss()
		if err == nil || errors.Is(err, ErrGuardStuck) {
			return err
		}
	}
	// It died on us, so its last duty is ours.
	g.mu.Lock()
	groups, dirs := maps.Clone(g.groups), maps.Clone(g.dirs)
	g.mu.Unlock()
	return cleanUp(groups, dirs)
}

// keep replaces a guard process that has died, until Close.
func (g *Guard) keep(s *sentry) {
	defer close(g.kept)
	var delay time.Duration
	for {
		born := time.Now()
		select {
		case <-s.gone:
		case <-g.closing:
			return
		}
		g.mu.Lock()
		g.sentry = nil
		g.mu.Unlock()
		s.pipe.Close()
		if time.Since(born) > goodLife {
			delay = 0
		}
		for s = nil; s == nil; {
			select {
			case <-time.After(delay):
			case <-g.closing:
				return
			}
			delay = min(max(2*delay, firstRestartDelay), maxRestartDelay)
			// Nobody waits for the error: what stopped it may pass.
			s, _ = g.startSentry()
		}
		g.appoint(s)
	}
}

// appoint tells a new guard process everything its predecessor knew.
func (g *Guard) appoint(s *sentry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sentry = s
	var all message
	for pgid := range g.groups {
		all += killGroup(pgid)
	}
	for dir := range g.dirs {
		all += removeDir(dir)
	}
	if err := s.tell(all); err != nil {
		s.kill()
	}
}

// cleanUp kills the groups and removes the directories. It looks again for a
// while: what has been killed takes its time to be gone, and to be reaped, and
// may write a last file.
func cleanUp(groups map[int]bool, dirs map[string]bool) error {
	deadline := time.Now().Add(cleanUpTime)
	for {
		for pgid := range groups {
			if err := syscall.Kill(-pgid, syscall.SIGKILL); errors.Is(err, syscall.ESRCH) {
				delete(groups, pgid) // never again: the number is free for others
			}
		}
		var failed error
		for dir := range dirs {
			failed = errors.Join(failed, os.RemoveAll(dir))
		}
		if len(groups) == 0 && failed == nil || time.Now().After(deadline) {
			return failed
		}
		time.Sleep(cleanUpInterval)
	}
}
