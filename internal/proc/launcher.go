package proc

import (
	"runtime"
	"sync"
)

// launcher runs forks on one OS thread, because the kernel takes the end of the
// forking thread for the parent's death (PR_SET_PDEATHSIG) and Go may end any
// thread it is not told to keep. The thread is kept as long as a process forked
// on it is.
type launcher struct {
	mu        sync.Mutex
	processes int
	forks     chan func()
	done      chan struct{}
}

var launch launcher

// fork runs f on the thread. If it succeeds the thread is kept until released.
func (l *launcher) fork(f func() error) error {
	l.mu.Lock()
	if l.processes == 0 {
		l.forks, l.done = make(chan func()), make(chan struct{})
		go serve(l.forks, l.done)
	}
	l.processes++
	forks := l.forks
	l.mu.Unlock()

	result := make(chan error, 1)
	forks <- func() { result <- f() }
	err := <-result
	if err != nil {
		l.release()
	}
	return err
}

// release gives up one process's hold on the thread.
func (l *launcher) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.processes--; l.processes == 0 {
		close(l.forks)
		<-l.done
	}
}

func serve(forks <-chan func(), done chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(done)
	for fork := range forks {
		fork()
	}
}
