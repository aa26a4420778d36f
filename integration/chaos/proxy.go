package chaos

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// line stands between one party and the broker, as the network does, and fails
// like it. It is safe for concurrent use.
type line struct {
	name     string
	backend  string
	listener net.Listener
	faulty   sync.Mutex   // held by a fault while it lasts
	delay    atomic.Int64 // nanoseconds before each piece of data goes on

	mu    sync.Mutex
	down  bool // new connections end at once
	links map[*link]bool
	all   sync.WaitGroup
}

// link is one connection through a line.
type link struct {
	near, far net.Conn    // the party's end, and the broker's
	half      atomic.Bool // one end is gone, and the other shall not know
}

func newLine(name, backend string) (*line, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the line of %s: %w", name, err)
	}
	made := &line{name: name, backend: backend, listener: l, links: map[*link]bool{}}
	made.all.Go(made.accept)
	return made, nil
}

func (l *line) address() string { return l.listener.Addr().String() }

func (l *line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.all.Go(func() { l.join(near) })
	}
}

func (l *line) join(near net.Conn) {
	far, err := net.DialTimeout("tcp", l.backend, time.Second)
	if err != nil {
		near.Close()
		return
	}
	made := &link{near: near, far: far}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		made.close()
		return
	}
	l.links[made] = true
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pump(made, far, near) })
	pumps.Go(func() { l.pump(made, near, far) })
	l.all.Go(func() {
		pumps.Wait()
		made.close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.links, made)
	})
}

// pump carries data one way until an end is gone, and then ends the other,
// unless that shall not know: then it swallows what comes from it.
func (l *line) pump(k *link, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if delay := l.delay.Load(); delay > 0 {
				time.Sleep(time.Duration(delay))
			}
			if _, lost := to.Write(buffer[:n]); lost != nil && !k.half.Load() {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if !k.half.Load() {
		k.close()
	}
}

func (k *link) close() {
	k.near.Close()
	k.far.Close()
}

// cut ends every connection, and any that is made before mend.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for k := range l.links {
		k.close()
	}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// halve takes away one end of every connection, without a word to the other; new
// ones are good. The function that it returns ends what is left of them.
func (l *line) halve(near bool) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var halves []*link
	for k := range l.links {
		k.half.Store(true)
		if near {
			k.near.Close()
		} else {
			k.far.Close()
		}
		halves = append(halves, k)
	}
	return func() {
		for _, k := range halves {
			k.close()
		}
	}
}

// close ends the line, and returns when nothing of it is left.
func (l *line) close() {
	l.listener.Close()
	l.cut()
	l.all.Wait()
}
