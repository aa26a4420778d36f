package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
)

// roleEnv tells a copy of this program what it is to be.
const roleEnv = "MUSTER_BENCH_ROLE"

// role is a copy of this program with other work.
type role struct {
	Name string
	URL  string // of its server
	Dir  string // where it may keep files
	Slot int    // most tasks at the same time
	Long bool   // tasks are long
}

// roles run until ctx ends, and call ready when they serve. What is written to
// out reaches the parent.
var roles = map[string]func(ctx context.Context, r role, ready func(line string), out io.Writer) error{
	"broker":    brokerRole,
	"host":      hostRole,
	"nats":      natsRole,
	"jetstream": jetStreamRole,
	"asynq":     asynqRole,
	"river":     riverRole,
}

// Main makes a program able to run the processes of its peers. Call it first
// thing in main, or in TestMain: in such a process it does not return.
func Main() {
	consumer.Handle(echo, func(_ context.Context, n uint64) (uint64, error) { return n, nil })
	consumer.Handle(work, func(_ context.Context, t Task) (uint64, error) { return t.run(), nil })
	consumer.Handle(park, func(context.Context, uint64) (uint64, error) {
		return 0, errors.New("nobody should run this")
	})
	pool.Main()
	text := os.Getenv(roleEnv)
	if text == "" {
		return
	}
	if err := play(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("%s: %w", roleEnv, err)
	}
	run, ok := roles[r.Name]
	if !ok {
		return fmt.Errorf("%s: no role %q", roleEnv, r.Name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, or when it says so
		cancel()
	}()
	ready := func(line string) { fmt.Println("ready", line) }
	return run(ctx, r, ready, os.Stdout)
}

// start starts a copy of this program and returns what it said when it was ready.
func (r role) start(ctx context.Context) (*child, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("finding this program: %w", err)
	}
	arg, err := json.Marshal(r)
	if err != nil {
		return nil, "", err
	}
	cmd := exec.Command(self)
	// Race-built processes sleep at their end unless told otherwise.
	cmd.Env = append(os.Environ(), roleEnv+"="+string(arg), "GORACE=atexit_sleep_ms=0")
	c, err := startChild(cmd, nil)
	if err != nil {
		return nil, "", err
	}
	line, err := c.line(ctx)
	if err != nil {
		c.end()
		return nil, "", err
	}
	var said string
	if _, err := fmt.Sscanf(line, "ready %s", &said); err != nil && line != "ready" {
		c.end()
		return nil, "", fmt.Errorf("the %s process said %q", r.Name, line)
	}
	return c, said, nil
}

// startWorkers starts n copies at the same time.
func (r role) startWorkers(ctx context.Context, n int) ([]*child, error) {
	type started struct {
		c   *child
		err error
	}
	all := make(chan started, n)
	for range n {
		go func() {
			c, _, err := r.start(ctx)
			all <- started{c, err}
		}()
	}
	var children []*child
	var failed error
	for range n {
		s := <-all
		if s.err != nil {
			failed = s.err
			continue
		}
		children = append(children, s.c)
	}
	if failed != nil {
		stopAll(children)
		return nil, failed
	}
	return children, nil
}
