package matrix

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A puppet is a worker process whose strings a test pulls: it does to itself, at
// any time and whatever its tasks do, what no test could do from outside.

// stringsEnv returns a worker process the address to which its strings lead.
const stringsEnv = "MATRIX_STRINGS"

// word is what a puppet says: "here" first, "running" when a task waits to go
// on, and "done" when it has done as told.
type word struct {
	Said string
	PID  int // of the puppet, or of what it has started
}

// goOn is closed when tasks need not wait any more; nil outside of puppets.
var goOn chan struct{}

// say is the puppet's mouth.
var say func(word)

// awaitGo holds the task that calls it until the test lets it go on.
func awaitGo() {
	if goOn == nil {
		return
	}
	say(word{Said: "running", PID: os.Getpid()})
	<-goOn
}

// attachStrings makes this process a puppet.
func attachStrings(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	goOn = make(chan struct{})
	var mu sync.Mutex
	say = func(w word) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(conn).Encode(w) // the test may be over
	}
	say(word{Said: "here", PID: os.Getpid()})
	go func() {
		for orders := bufio.NewScanner(conn); orders.Scan(); {
			if order := orders.Text(); order == "go" {
				close(goOn)
			} else {
				inside[order]()
			}
		}
	}()
	return nil
}

// puppet is the test's end of the strings.
type puppet struct {
	PID   int
	conn  net.Conn
	words chan word
}

// theatre takes the strings of the puppets of one case. The first is the test's
// to play with; the others' tasks never wait.
type theatre struct {
	address string
	first   chan *puppet
}

func newTheatre(t *testing.T) *theatre {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	th := &theatre{address: l.Addr().String(), first: make(chan *puppet, 1)}
	var all sync.WaitGroup
	closed := make(chan struct{})
	all.Go(func() {
		for played := false; ; played = true {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p := &puppet{conn: conn, words: make(chan word, 16)}
			all.Go(func() { <-closed; conn.Close() })
			all.Go(p.listen)
			if played {
				p.tell("go")
				continue
			}
			th.first <- p
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(closed)
		all.Wait()
	})
	return th
}

// victim waits for the first puppet.
func (th *theatre) victim(t *testing.T, ctx context.Context) *puppet {
	t.Helper()
	select {
	case p := <-th.first:
		p.PID = p.hear(t, ctx, "here")
		return p
	case <-ctx.Done():
		require.FailNow(t, "no puppet has come")
		return nil
	}
}

func (p *puppet) listen() {
	defer close(p.words)
	for words := json.NewDecoder(p.conn); ; {
		var w word
		if words.Decode(&w) != nil {
			return
		}
		select {
		case p.words <- w:
		default: // nobody listens to it
		}
	}
}

// tell pulls a string. A puppet that is dead or frozen does not mind.
func (p *puppet) tell(order string) { fmt.Fprintln(p.conn, order) }

// hear waits for the puppet to say something, whatever it says before, and gives
// the process it names.
func (p *puppet) hear(t *testing.T, ctx context.Context, what string) int {
	t.Helper()
	for {
		select {
		case w, ok := <-p.words:
			require.True(t, ok, "the puppet died before it said %q", what)
			if w.Said == what {
				return w.PID
			}
		case <-ctx.Done():
			require.FailNow(t, "a puppet is silent", "waiting for %q", what)
		}
	}
}
