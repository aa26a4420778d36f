package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// screen is a terminal that a command runs in, and what is to be seen there.
type screen struct {
	t        *testing.T
	cmd      *exec.Cmd
	user     *os.File // the user's end
	terminal *os.File // the command's
	before   *unix.Termios

	mu      sync.Mutex
	changed *sync.Cond
	vt      vt10x.Terminal
	raw     bytes.Buffer
	rest    []byte // of a sequence that is not complete
	ended   bool
}

// unknown are sequences that vt10x takes for others: keyboard protocols.
var unknown = regexp.MustCompile(`\x1b\[[<>=?][0-9;]*[mu]`)

// startScreen starts a command in a terminal of its own.
func startScreen(t *testing.T, columns, rows int, cmd *exec.Cmd) *screen {
	t.Helper()
	s := &screen{t: t, cmd: cmd, vt: vt10x.New(vt10x.WithSize(columns, rows))}
	s.changed = sync.NewCond(&s.mu)
	s.user, s.terminal = openTerminal(t)
	s.size(columns, rows)
	var err error
	s.before, err = unix.IoctlGetTermios(int(s.terminal.Fd()), unix.TCGETS)
	require.NoError(t, err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.terminal, s.terminal, s.terminal
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "COLORTERM=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	go s.read()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // a test that has failed
			_ = cmd.Wait()
		}
	})
	return s
}

// read shows what the command writes, until the test closes its end.
func (s *screen) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.user.Read(buf)
		s.mu.Lock()
		s.show(buf[:n])
		s.ended = err != nil
		s.changed.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) show(part []byte) {
	s.raw.Write(part)
	part = append(s.rest, part...)
	s.rest = nil
	if at := bytes.LastIndexByte(part, 0x1b); at >= 0 && len(part)-at < 16 && !bytes.ContainsAny(part[at+1:], "mu") {
		part, s.rest = part[:at], bytes.Clone(part[at:])
	}
	_, _ = s.vt.Write(unknown.ReplaceAll(part, nil))
}

// size changes the size of the terminal.
func (s *screen) size(columns, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vt.Resize(columns, rows)
	require.NoError(s.t, unix.IoctlSetWinsize(int(s.user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}))
}

// press types keys.
func (s *screen) press(keys string) {
	s.t.Helper()
	_, err := s.user.WriteString(keys)
	require.NoError(s.t, err)
}

// until waits until the screen is as it should be, and returns it.
func (s *screen) until(what string, is func(string) bool) string {
	s.t.Helper()
	late := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = true
		s.changed.Broadcast()
	})
	defer late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		shown := s.vt.String()
		if is(shown) {
			return shown
		}
		if s.ended {
			s.t.Fatalf("there was never %s on the screen:\n%s", what, shown)
		}
		s.changed.Wait()
	}
}

// see waits for something that matches a pattern, and returns the match.
func (s *screen) see(pattern string) []string {
	s.t.Helper()
	re := regexp.MustCompile(`(?m)` + pattern)
	return re.FindStringSubmatch(s.until(pattern, re.MatchString))
}

// miss waits until nothing matches a pattern.
func (s *screen) miss(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile(`(?m)` + pattern)
	s.until("no "+pattern, func(shown string) bool { return !re.MatchString(shown) })
}

// written returns all that the command has written.
func (s *screen) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// quits waits for the command's end, and checks that it leaves the terminal as it
// was. It returns the status.
func (s *screen) quits() int {
	s.t.Helper()
	_ = s.cmd.Wait() // the status is looked at
	after, err := unix.IoctlGetTermios(int(s.terminal.Fd()), unix.TCGETS)
	require.NoError(s.t, err)
	require.Equal(s.t, s.before, after)
	// A restored terminal shows its main screen and its cursor.
	s.until("a restored terminal", func(string) bool {
		raw := s.raw.String()
		return strings.LastIndex(raw, "\x1b[?1049l") > strings.LastIndex(raw, "\x1b[?1049h") &&
			strings.LastIndex(raw, "\x1b[?25h") > strings.LastIndex(raw, "\x1b[?25l")
	})
	return s.cmd.ProcessState.ExitCode()
}
