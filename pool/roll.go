package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/proc"
)

const (
	checkPrefix   = "muster host " // what it says, followed by its version
	maxCheckBytes = 4 << 10        // that are kept of what it prints
)

// errRoll is wrapped when a host does not go over to the program that is at its
// file now.
var errRoll = errors.New("pool: the new program is not taken")

// answerCheck is the whole life, after [Main], of a process that shows whether the
// program at a file can be a host.
func answerCheck() int {
	if len(consumer.Handled()) == 0 {
		fmt.Fprintln(os.Stderr, consumer.ErrNoHandlers)
		return 1
	}
	fmt.Println(checkPrefix + moduleVersion())
	return 0
}

// checkProgram runs the program at a path as far as [Main], as it would be started,
// and returns its version.
func checkProgram(ctx context.Context, path string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Dir = started.args, startDir()
	cmd.Env = append(inheritedEnv(), proc.RoleEnv+"="+roleCheck)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var stdout tailBuffer // the version comes after all else that it prints
	var stderr headBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("it does not end: %w", ctx.Err())
		}
		return "", fmt.Errorf("%w: %s: %w; its stderr begins: %s", errRoll, path, err, bytes.TrimSpace(stderr))
	}
	for line := range strings.Lines(string(stdout)) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), checkPrefix); ok {
			return version, nil
		}
	}
	return "", fmt.Errorf("%w: %s does not run pool.Main", errRoll, path)
}

// headBuffer keeps the first bytes that are written to it.
type headBuffer []byte

func (b *headBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), maxCheckBytes-len(*b))]...)
	return len(p), nil
}

// tailBuffer keeps the last bytes that are written to it.
type tailBuffer []byte

func (e *tailBuffer) Write(p []byte) (int, error) {
	*e = append(*e, p[max(len(p)-maxCheckBytes, 0):]...)
	*e = append((*e)[:0], (*e)[max(len(*e)-maxCheckBytes, 0):]...)
	return len(p), nil
}

// become replaces this program by the one at a path, within the same process,
// started as this one was. It returns only if that fails.
func become(path string) error {
	before := workingDir()
	err := goTo(startDir())
	if err == nil {
		err = syscall.Exec(path, started.args, os.Environ())
		_ = goTo(before)
	}
	return fmt.Errorf("%w: %s: %w", errRoll, path, err)
}

func goTo(dir string) error {
	if dir == "" {
		return nil
	}
	return os.Chdir(dir)
}
