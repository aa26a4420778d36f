package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"
)

// fleet is a broker and a worker host of the muster command.
type fleet struct {
	muster string // the program's path
	url    string
	run    []*exec.Cmd
}

// echoPy answers each task with its argument.
const echoPy = `import json, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps({"id": task["id"], "value": task["arg"]}), flush=True)
`

// startFleet builds muster and starts a fleet, until stop or the end of ctx.
func startFleet(ctx context.Context, dir string) (f *fleet, err error) {
	f = &fleet{muster: filepath.Join(dir, "muster")}
	build := exec.CommandContext(ctx, "go", "build", "-o", f.muster, "./cmd/muster")
	if build.Dir, err = moduleRoot(ctx); err != nil {
		return nil, err
	}
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building muster: %w\n%s", err, out)
	}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	f.url, err = f.start(ctx, regexp.MustCompile(`ready at ([^,]+),`), "serve", "--listen", "127.0.0.1:0", "--store", filepath.Join(dir, "store"))
	if err != nil {
		return nil, err
	}
	server := filepath.Join(dir, "echo.py")
	if err := os.WriteFile(server, []byte(echoPy), 0o600); err != nil {
		return nil, err
	}
	args := []string{"worker", "--processes", "2", "--url", f.url, "--exec", "say=echo {}"}
	if _, err := exec.LookPath("python3"); err == nil {
		args = append(args, "--exec-server", "python=python3 "+server)
	}
	_, err = f.start(ctx, regexp.MustCompile(`processes ready on (.*)`), args...)
	return f, err
}

// moduleRoot returns the folder of the module that is measured.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/musterfleet/muster").Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	return string(out[:len(out)-1]), nil
}

// start starts a part of the fleet, and returns what its ready line says.
func (f *fleet) start(ctx context.Context, ready *regexp.Regexp, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, f.muster, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", fmt.Errorf("starting muster %s: %w", args[0], err)
	}
	f.run = append(f.run, cmd)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if found := ready.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(os.Stderr, stderr) }()
			return found[1], nil
		}
	}
	return "", fmt.Errorf("muster %s ended before it was ready", args[0])
}

// stopTimeout is how long a part of the fleet may take to end.
const stopTimeout = 30 * time.Second

// stop ends the fleet, the broker last.
func (f *fleet) stop() {
	for _, cmd := range slices.Backward(f.run) {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		late := time.AfterFunc(stopTimeout, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
	}
}

// ways returns what is measured here, and leaves out what is not installed.
func (f *fleet) ways(o options) (ways []way) {
	all := []way{
		{command: []string{f.muster, "map", "echo"}, lines: o.lines, note: "a built-in func"},
		{command: []string{f.muster, "map", "--unordered", "echo"}, lines: o.lines, note: "the same, in any order"},
		{command: []string{f.muster, "map", "python"}, lines: o.lines / 10, note: "`--exec-server`, a Python program that answers with the line"},
		{command: []string{f.muster, "map", "say"}, lines: o.forks, note: "`--exec say='echo {}'`"},
		{command: []string{"xargs", "-n1", "echo"}, lines: o.forks, note: "one core, nothing survives a crash"},
		{command: []string{"xargs", "-n1", "-P2", "echo"}, lines: o.forks, note: "lines in any order"},
		{command: []string{"parallel", "-k", "-j2", "echo"}, lines: o.forks, note: "GNU parallel"},
	}
	for _, w := range all {
		program := w.command[0]
		if w.command[len(w.command)-1] == "python" {
			program = "python3"
		}
		if _, err := exec.LookPath(program); err != nil {
			fmt.Fprintf(os.Stderr, "left out: %s is not installed\n", program)
			continue
		}
		w.env = append(os.Environ(), "MUSTER_URL="+f.url)
		ways = append(ways, w)
	}
	return ways
}
