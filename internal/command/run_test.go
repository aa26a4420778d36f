package command_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Whatever an argument holds, it is one word, or part of one.
func TestArguments(t *testing.T) {
	f := newFleet(t, []string{
		`append=printf '[%s]'`, `place=printf '[%s]' 'a {} b' --x={}{} "'{}'"`, `none=printf '[%s]' x`,
	}, nil)
	canary := filepath.Join(t.TempDir(), "canary")
	for _, text := range []string{
		"", " ", "a b", "'", `"`, `\`, "\n", "\t", "-rf", "--", "--help", "$(touch " + canary + ")", "`touch " + canary + "`",
		"; touch " + canary, "| touch " + canary, "&& touch " + canary, "> " + canary, "*", "?[a-z]", "~", "$HOME", "{}", "%s", "#", "!!",
		"null", "\xff\xfe", "ü€😀", strings.Repeat("x", 60_000),
	} {
		require.Equal(t, "["+text+"]", result[string](f, "append", text), text)
		require.Equal(t, "[a "+text+" b][--x="+text+text+"]['"+text+"']", result[string](f, "place", text), text)
	}
	require.NoFileExists(t, canary)

	require.Equal(t, "[\xff\x01]", result[string](f, "append", []byte{0xff, 1}))
	require.Equal(t, "[1.5]", result[string](f, "append", 1.5))
	require.Equal(t, "[true]", result[string](f, "append", true))
	require.Equal(t, `[{"a":[1,null,"x y"]}]`, result[string](f, "append", map[string]any{"a": []any{1, nil, "x y"}}))
	require.Equal(t, "[x]", result[string, any](f, "none", nil))
	require.Equal(t, "[x][y]", result[string](f, "none", "y"))
	require.Equal(t, "[a null b][--x=nullnull]['null']", result[string, any](f, "place", nil))

	err := failure(f, "append", "a\x00b", producer.Attempts(3))
	require.ErrorContains(t, err, "argument cannot be passed: it holds a NUL byte")
	var remote *codec.RemoteError
	require.ErrorAs(t, err, &remote)
	require.Equal(t, 1, remote.Attempt)
	require.ErrorContains(t, failure(f, "append", strings.Repeat("x", 200_000)), "the option stdin passes any length")
}

func TestStdinAndResults(t *testing.T) {
	f := newFleet(t, []string{
		"cat,stdin=cat", "json,stdin,json=cat", "bytes,stdin,bytes=cat", "deaf,stdin=true", "both,stdin=printf '%s' 'with {}'",
		"lines=printf 'a\\n\\nb\\n\\n'", "null=sh -c 'cat; echo end'",
	}, nil)
	large := strings.Repeat("a\x00\xff", 300_000)
	require.Equal(t, large, result[string](f, "cat", large))
	require.Equal(t, "[1,2]", result[string](f, "cat", []int{1, 2}))
	require.Equal(t, []byte(large), result[[]byte](f, "bytes", []byte(large)))
	require.Equal(t, []byte("a\n"), result[[]byte](f, "bytes", "a\n"))
	require.Equal(t, map[string]int{"a": 1}, result[map[string]int](f, "json", ` {"a": 1} `))
	require.Empty(t, result[string](f, "deaf", large))
	require.Equal(t, "with x", result[string](f, "both", "x"))
	require.Equal(t, "a\n\nb\n", result[string, any](f, "lines", nil), "one newline is removed")
	require.Equal(t, "end", result[string, any](f, "null", nil), "stdin is empty")
	for _, text := range []string{"", "{", "1 2", `{"a":1e999}`} {
		require.ErrorContains(t, failure(f, "json", text), "output cannot be taken: stdout is not", text)
	}
}

func TestFailuresOfCommands(t *testing.T) {
	f := newFleet(t, []string{
		"exit=sh -c 'echo part; echo trouble >&2; exit 3'", "silent=false", `signal=sh -c 'kill -SEGV $$'`,
		"noisy=sh -c 'seq 100000 >&2; exit 1'", "much=head -c 1048577 /dev/zero", "enough=head -c 1048576 /dev/zero", "endless=yes",
		`flaky=sh -c 'test "$MUSTER_ATTEMPT" = 3'`, "warns=sh -c 'echo careful >&2; echo fine'",
	}, nil)
	pid := f.pid()
	require.EqualError(t, failure(f, "exit", 0), "exit status 3; its stderr ends:\ntrouble")
	require.EqualError(t, failure(f, "silent", 0), "exit status 1")
	require.ErrorContains(t, failure(f, "signal", 0), "killed by signal SIGSEGV")
	noise := failure(f, "noisy", 0).Error()
	require.True(t, strings.HasSuffix(noise, "\n99999\n100000"), noise)
	require.Less(t, len(noise), 9<<10)
	require.Contains(t, noise, "its stderr ends (the 580703 bytes before are in the host's log):\n")

	require.Len(t, result[string, any](f, "enough", nil), 1<<20)
	for _, name := range []string{"much", "endless"} {
		require.ErrorContains(t, failure[any](f, name, nil), "it is larger than 1048576 bytes")
	}
	require.Empty(t, result[string](f, "flaky", 0, producer.Attempts(3), producer.Backoff(time.Millisecond)))
	require.EqualError(t, failure(f, "flaky", 0), "exit status 1")
	require.Equal(t, "fine", result[string](f, "warns", 0))
	require.Equal(t, pid, f.pid(), "no command's failure is the worker process's")
}

// What a command writes to stderr goes to its host's whole, whether it succeeds or not.
func TestStderrOfCommandsIsPassedOnWhole(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var offer command.Offer
	for _, definition := range []string{"fine=sh -c 'seq 100000 >&2'", "bad=sh -c 'seq 100001 200000 >&2; printf end >&2; exit 1'"} {
		c, err := command.Parse(definition)
		require.NoError(t, err)
		offer.Commands = append(offer.Commands, c)
	}
	offer.MaxOutput = maxOutput
	entry, err := offer.Env()
	require.NoError(t, err)
	var stderr lines
	p, err := pool.Local(ctx, pool.Processes(1), pool.Env(entry, "GORACE=atexit_sleep_ms=0"), pool.WithOutput(io.Discard, &stderr))
	require.NoError(t, err)
	f := fleet{t, ctx, p}
	require.Empty(t, result[string, any](f, "fine", nil))
	require.Error(t, failure[any](f, "bad", nil))
	require.NoError(t, p.Close(ctx))
	next := 1
	for line := range strings.Lines(stderr.String()) {
		if line == strconv.Itoa(next)+"\n" {
			next++
		}
	}
	require.Equal(t, 200_001, next)
	require.Contains(t, stderr.String(), "\nend\n")
}

// lines is a buffer for concurrent writers.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// A command learns of its task, and of no credential.
func TestEnvironment(t *testing.T) {
	t.Setenv("MUSTER_TOKEN", "secret")
	t.Setenv("NATS_URL", "nats://secret@127.0.0.1")
	t.Setenv("PLAIN", "seen")
	f := newFleet(t, []string{"env=env", "fds=ls -l /proc/self/fd"}, []string{"server=" + testServer("json")})
	future := submit[any, string](f, "env", nil)
	env, err := future.Result(f.ctx)
	require.NoError(t, err)
	for _, want := range []string{"MUSTER_TASK=" + future.ID().String(), "MUSTER_FUNC=env", "MUSTER_ATTEMPT=1", "PLAIN=seen"} {
		require.Contains(t, strings.Split(env, "\n"), want)
	}
	for _, env := range []string{env, result[string](f, "server", "environment")} {
		require.NotContains(t, env, "secret")
		require.NotContains(t, env, "MUSTER_ROLE")
		require.NotContains(t, env, "MUSTER_COMMANDS")
	}
	for _, files := range []string{result[string, any](f, "fds", nil), result[string](f, "server", "files")} {
		require.NotContains(t, files, "socket:", "a connection of the worker process's is inherited")
		require.NotContains(t, files, "memfd")
		require.NotContains(t, files, "scoreboard")
	}
}

// sleeper writes its process id to the file that the argument names, and stays.
const sleeper = `sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep 1000'`

// sleeping submits a task of a sleeper, and returns the command's process id.
func sleeping(f fleet, name string, options ...producer.CallOption) (*producer.Future[any], int) {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "pid")
	future := submit[string, any](f, name, file, options...)
	return future, writtenPID(f.t, file)
}

func writtenPID(t *testing.T, file string) (pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(file)
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return err == nil
	}, patience, 5*time.Millisecond)
	return pid
}

// The command is ended, and the worker process goes on.
func TestLimitAndKill(t *testing.T) {
	f := newFleet(t, []string{
		"sleeper=" + sleeper, `stubborn=sh -c 'trap "" TERM; echo $$ >"$0"; while :; do sleep 1000; done'`,
		`polite=sh -c 'trap "echo half; exit 0" TERM; echo $$ >"$0"; sleep 1000 & wait'`,
	}, nil)
	// On a machine that is too slow for the supervisor's patience the process may
	// have to go all the same.
	sameProcess := func(name string, end func() error, want error) {
		for try := range 5 {
			pid := f.pid()
			require.ErrorIs(t, end(), want)
			if f.pid() == pid {
				return
			}
			t.Logf("%s: try %d: the worker process went with the command", name, try)
		}
		require.Fail(t, "the worker process goes with the command", name)
	}
	for _, name := range []string{"sleeper", "stubborn", "polite"} {
		var command int
		sameProcess(name, func() error {
			var future *producer.Future[any]
			future, command = sleeping(f, name, producer.Limit(500*time.Millisecond))
			return future.Err(f.ctx)
		}, codec.ErrTimeLimit)
		requireGone(t, command)
		sameProcess(name, func() error {
			var future *producer.Future[any]
			future, command = sleeping(f, name)
			require.True(t, cancels(t, future.Kill))
			return future.Err(f.ctx)
		}, codec.ErrCancelled)
		requireGone(t, command)
	}
}

func TestCommandsGoWithTheWorkerProcess(t *testing.T) {
	f := newFleet(t, []string{"sleeper=" + sleeper}, nil)
	future, command := sleeping(f, "sleeper", producer.Crashes(1))
	require.NoError(t, syscall.Kill(f.Supervisor().PIDs()[0], syscall.SIGKILL))
	require.ErrorIs(t, future.Err(f.ctx), codec.ErrWorkerDied)
	requireGone(t, command)
}
