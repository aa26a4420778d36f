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
)

const (
	checkPatience = 10 * time.Second // for a new program to say that it runs
	checkPrefix   = "muster host "   // what it says, followed by its version
	mostCheck     = 4 << 10          // bytes that are kept of what it prints
)

// errRoll is wrapped when a host does not go over to the program that is at its
// file now.
var errRoll = errors.New("pool: the new program is not taken")

// checkMain is the whole life of a process that shows whether the program at a
// file can be a host.
func checkMain() int {
	if len(consumer.Handled()) == 0 {
		fmt.Fprintln(os.Stderr, consumer.ErrNoHandlers)
		return 1
	}
	fmt.Println(checkPrefix + moduleVersion())
	return 0
}

// checkProgram runs the program at a path as far as [Main], and gives its version.
func checkProgram(ctx context.Context, path string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Args = os.Args[:1]
	cmd.Env = append(inheritedEnv(), roleEnv+"="+roleCheck)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var stdout, stderr beginning
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

// beginning keeps the first bytes that are written to it.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), mostCheck-len(*b))]...)
	return len(p), nil
}

// become replaces this program by the one at a path, within the same process. It
// returns only if that fails.
func become(path string) error {
	return fmt.Errorf("%w: %s: %w", errRoll, path, syscall.Exec(path, os.Args, os.Environ()))
}
