package command_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const serverArg = "serve-for-test"

// testServer returns the command of a server that the test binary is.
func testServer(format string) string { return "'" + os.Args[0] + "' " + serverArg + " " + format }

// serve is a server, whose tasks say what it is to do.
func serve(format string) {
	type task struct {
		ID      uint64 `json:"id" msgpack:"id"`
		Task    string `json:"task" msgpack:"task"`
		Func    string `json:"func" msgpack:"func"`
		Attempt int    `json:"attempt" msgpack:"attempt"`
		Arg     any    `json:"arg" msgpack:"arg"`
	}
	in := bufio.NewReader(os.Stdin)
	var read interface{ Decode(any) error } = json.NewDecoder(in)
	say := func(answer map[string]any) { must(json.NewEncoder(os.Stdout).Encode(answer)) }
	if format == "msgpack" {
		packed := msgpack.NewDecoder(in)
		read = decoder(func(v any) error { return packed.Decode(v) })
		say = func(answer map[string]any) { must(msgpack.NewEncoder(os.Stdout).Encode(answer)) }
	}
	if format == "mute" {
		os.Stderr.WriteString("no model\n")
		os.Exit(4)
	}
	say(map[string]any{"ready": true})
	for count := 1; ; count++ {
		var t task
		if err := read.Decode(&t); err == io.EOF {
			return
		} else {
			must(err)
		}
		if written, ok := t.Arg.([]any); ok {
			for _, part := range written {
				os.Stdout.WriteString(strings.NewReplacer("ID", fmt.Sprint(t.ID), "HEXFF", "\xff").Replace(part.(string)))
				time.Sleep(time.Millisecond) // so that it is read by itself
			}
			continue
		}
		answer := func(value any) { say(map[string]any{"id": t.ID, "value": value}) }
		switch t.Arg {
		case "count":
			answer(count)
		case "pid":
			answer(os.Getpid())
		case "task":
			answer([]any{t.Task, t.Func, t.Attempt})
		case "environment":
			answer(strings.Join(os.Environ(), "\n"))
		case "files":
			links, _ := filepath.Glob("/proc/self/fd/*")
			for i := range links {
				links[i], _ = os.Readlink(links[i])
			}
			answer(strings.Join(links, "\n"))
		case "factorial":
			fmt.Printf("{\"id\": %d, \"value\": 15511210043330985984000000}\n", t.ID)
		case "error":
			say(map[string]any{"id": t.ID, "error": "no luck"})
		case "none":
			say(map[string]any{"id": t.ID, "value": "fine", "error": nil})
		case "final":
			say(map[string]any{"id": t.ID, "error": "no luck ever", "final": true})
		case "exit":
			os.Stderr.WriteString("last words\n")
			os.Exit(3)
		case "exit once":
			if t.Attempt == 1 {
				os.Exit(3)
			}
			answer(count)
		case "signal":
			must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
		case "silence":
			time.Sleep(patience)
		case "leave":
			os.Stdout.Close()
			time.Sleep(patience)
		case "twice":
			answer(1)
			answer(2)
		case "early":
			say(map[string]any{"id": t.ID + 1, "value": "of the next"})
		case "late":
			say(map[string]any{"id": t.ID - 1, "value": "of the one before"})
		case "nothing":
			say(map[string]any{"id": t.ID})
		case "both":
			say(map[string]any{"id": t.ID, "value": 1, "error": "x"})
		case "garbage":
			os.Stdout.WriteString("starting\n")
		case "half":
			os.Stdout.WriteString(`{"id":`)
			os.Exit(0)
		case "large":
			answer(strings.Repeat("x", maxOutput+2000))
		case "enough":
			answer(strings.Repeat("x", maxOutput-100))
		default:
			answer(t.Arg)
		}
	}
}

type decoder func(v any) error

func (d decoder) Decode(v any) error { return d(v) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

func TestServer(t *testing.T) {
	for _, format := range []string{"json", "msgpack"} {
		t.Run(format, func(t *testing.T) {
			f := newFleet(t, nil, []string{"server," + format + "=" + testServer(format)})
			for want := 1; want <= 20; want++ {
				require.Equal(t, want, result[int](f, "server", "count"), "it was started more than once, or lost its state")
			}
			require.Equal(t, "a\n\"ü", result[string](f, "server", "a\n\"ü"))
			require.Nil(t, result[any, any](f, "server", nil))
			nested := map[string]any{"a": []any{true, nil, "x"}}
			require.Equal(t, nested, result[map[string]any](f, "server", nested))
			require.Len(t, result[string](f, "server", "enough"), maxOutput-100)
			if format == "msgpack" {
				require.Equal(t, []byte{0, 0xff}, result[[]byte](f, "server", []byte{0, 0xff}))
			}
			future := submit[string, []any](f, "server", "task")
			told, err := future.Result(f.ctx)
			require.NoError(t, err)
			require.Equal(t, future.ID().String(), told[0])
			require.Equal(t, "server", told[1])
			require.EqualValues(t, 1, told[2])

			before := f.pid()
			require.Equal(t, "fine", result[string](f, "server", "none"))
			require.EqualError(t, failure(f, "server", "error"), "no luck")
			err = failure(f, "server", "final", producer.Attempts(3), producer.Backoff(time.Millisecond))
			var remote *codec.RemoteError
			require.ErrorAs(t, err, &remote)
			require.Equal(t, 1, remote.Attempt)
			require.Equal(t, before, f.pid(), "an error is no crash")
			require.Greater(t, result[int](f, "server", "count"), 20)
		})
	}
}

// A server's end is a crash, with its cause; the next attempt has a fresh one.
func TestServerEnds(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json")})
	require.Equal(t, 1, result[int](f, "server", "exit once"))
	for arg, want := range map[string]struct {
		status int
		words  []string
	}{
		"exit":   {3, []string{"last words", "muster: the server of server ended: exit status 3"}},
		"signal": {137, []string{"ended: killed by signal SIGKILL"}},
		"leave":  {1, []string{"ended: it closed its stdout and went on"}},
		"half":   {1, []string{"does not end"}},
	} {
		server := result[int](f, "server", "pid")
		err := failure(f, "server", arg, producer.Crashes(2))
		var died *codec.WorkerDiedError
		require.ErrorAs(t, err, &died, arg)
		require.Equal(t, 2, died.Attempt, arg)
		for _, words := range want.words {
			require.Contains(t, died.Stderr, words, arg)
		}
		if arg != "leave" { // it was killed, which says as little
			require.Equal(t, want.status, died.ExitCode, arg)
		}
		require.NotEqual(t, server, result[int](f, "server", "pid"), arg)
	}
}

// What a server writes that is no answer harms the task that runs, and nothing else:
// not the worker process, and no other task. Where the line has the id of the request
// the server itself goes on.
func TestServerWritesWhatIsNoAnswer(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json"), "other=" + testServer("json")})
	process, other := f.pid(), result[int](f, "other", "pid")
	for name, test := range map[string]struct {
		write  any // ID is the request's, and each of several is a write of its own
		want   any // the result, if there is one
		error  string
		stands bool // the server goes on
	}{
		"NaN":                  {"{\"id\": ID, \"value\": NaN}\n", nil, `value\": NaN}": it is not JSON: NaN is no number there`, true},
		"NaN by another key":   {"{\"id\": ID, \"result\": NaN}\n", nil, "it is not JSON: NaN is no number there", true},
		"NaN before the id":    {"{\"value\": [1, -Infinity], \"id\": ID}\n", nil, "it is not JSON: -Infinity is no number there", true},
		"Infinity":             {"{\"id\": ID, \"value\": {\"x\": Infinity}}\n", nil, "it is not JSON: Infinity is no number there", true},
		"NaN in a string":      {"{\"id\": ID, \"value\": \"NaN \\\" Infinity\"}\n", `NaN " Infinity`, "", true},
		"a blank line":         {"\n{\"id\": ID, \"value\": 1}\n", int64(1), "", true},
		"blank lines":          {"\n \t\r\n\r\n{\"id\": ID, \"value\": 1}\r\n\n", int64(1), "", true},
		"several writes":       {[]any{"{\"id\":", " ID, \"val", "ue\": \"whole\"", "}", "\n"}, "whole", "", true},
		"invalid UTF-8":        {[]any{"{\"id\": ID, \"value\": \"", "HEXFF", "\"}\n"}, nil, "it is not JSON: it is not UTF-8", true},
		"a number too large":   {"{\"id\": ID, \"value\": 1e400}\n", nil, "the number 1e400 is out of range", true},
		"neither":              {"{\"id\": ID}\n", nil, "it needs either value or error", true},
		"both":                 {"{\"id\": ID, \"value\": 1, \"error\": \"x\"}\n", nil, "it needs either value or error", true},
		"an error of no words": {"{\"id\": ID, \"error\": {\"code\": 5}}\n", nil, "the error cannot be a object", true},
		"words":                {"loading the model\n", nil, `the line "loading the model": it is not JSON`, false},
		"words and an answer":  {"loading\n{\"id\": ID, \"value\": 1}\n", nil, `the line "loading": it is not JSON`, false},
		"NaN by itself":        {"NaN\n", nil, `the line "NaN": it is not JSON`, false},
		"an array":             {"[1]\n", nil, "the answer cannot be a array", false},
		"a number":             {"1\n", nil, "the answer cannot be a number", false},
		"binary":               {"\x00\x01\x02\n", nil, "it is not JSON", false},
		"no id":                {"{\"value\": 1}\n", nil, "it has no id", false},
		"an id in words":       {"{\"id\": \"ID\", \"value\": 1}\n", nil, "the id cannot be a string", false},
		"the id of the next":   {"{\"id\": ID0, \"value\": 1}\n", nil, "that of the request is", false},
		"ready again":          {"{\"ready\": true}\n", nil, "it has no id", false},
		"too long":             {strings.Repeat("x", maxOutput+2000) + "\n", nil, "an answer is larger than 1048576 bytes", false},
		"too long and blank":   {strings.Repeat(" ", maxOutput+2000) + "\n", nil, "an answer is larger than 1048576 bytes", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := f
			f.t = t
			server := result[int](f, "server", "pid")
			written, ok := test.write.([]any)
			if !ok {
				written = []any{test.write}
			}
			got, err := submit[any, any](f, "server", written).Result(f.ctx)
			if test.error == "" {
				require.NoError(t, err)
				require.Equal(t, test.want, got)
			} else {
				require.ErrorAs(t, err, new(*codec.RemoteError))
				require.NotErrorIs(t, err, codec.ErrWorkerDied)
				require.ErrorContains(t, err, test.error)
			}
			require.Equal(t, "next", result[string](f, "server", "next"))
			require.Equal(t, test.stands, server == result[int](f, "server", "pid"), "whether the server goes on")
			if !test.stands {
				requireGone(t, server)
			}
			require.Equal(t, process, f.pid(), "the worker process goes on")
			require.Equal(t, other, result[int](f, "other", "pid"), "the other server goes on")
		})
	}
}

// A second answer is nobody's: the tasks before and after it have their own.
func TestServerAnswersTwice(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json")})
	process := f.pid()
	for range 20 {
		require.Equal(t, 1, result[int](f, "server", "twice"))
		require.Equal(t, "next", result[string](f, "server", "next"))
	}
	server := result[int](f, "server", "pid")
	require.Equal(t, 1, result[int](f, "server", []string{"{\"id\": ID, \"value\": 1}\nwords too many\n"}))
	require.Equal(t, "next", result[string](f, "server", "next"))
	require.NotEqual(t, server, result[int](f, "server", "pid"), "the server goes on that wrote too much")
	require.Equal(t, process, f.pid())
}

// A server that answers the request before, again and again, fails each of its tasks.
func TestServerIsLate(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json")})
	process := f.pid()
	require.Equal(t, 1, result[int](f, "server", "count"))
	err := failure(f, "server", "late")
	require.ErrorAs(t, err, new(*codec.RemoteError))
	require.ErrorContains(t, err, "it has no id")
	require.Equal(t, process, f.pid())
}

// What is not MessagePack cannot be passed over: the server is replaced.
func TestServerWritesNoMessagePack(t *testing.T) {
	f := newFleet(t, nil, []string{"server,msgpack=" + testServer("msgpack")})
	process := f.pid()
	for write, want := range map[string]string{
		"words":              "not an answer in MessagePack",
		"\x81\xa2id\xa1x":    "not an answer in MessagePack",
		"\x82\xa2id\x01\x00": "not an answer in MessagePack",
		"\x81\xa5value\xa1x": "it has no id",
	} {
		server := result[int](f, "server", "pid")
		err := failure(f, "server", []string{write})
		require.ErrorAs(t, err, new(*codec.RemoteError))
		require.ErrorContains(t, err, want)
		require.NotEqual(t, server, result[int](f, "server", "pid"))
		require.Equal(t, process, f.pid())
	}
	require.True(t, math.IsNaN(result[float64](f, "server", math.NaN())), "MessagePack has it")
}

// A server that does not become ready again ends its worker process, whose supervisor
// starts another.
func TestServerThatCannotBeReplaced(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	script := `if [ -e "$0" ]; then rm "$0"; exit 4; fi; : >"$0"; echo "{\"ready\":true}"; while read -r line; do echo words; done`
	f := newFleet(t, nil, []string{"server=sh -c '" + script + "' " + once})
	process := f.pid()
	require.ErrorIs(t, failure(f, "server", "x", producer.Crashes(1)), codec.ErrWorkerDied)
	require.NotEqual(t, process, f.pid())
}

// A value that cannot cross as it is, is its task's error, and no reason to end.
func TestServerAnswersWithANumberTooLarge(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json")})
	server := result[int](f, "server", "pid")
	err := failure(f, "server", "factorial")
	require.NotErrorIs(t, err, codec.ErrWorkerDied)
	require.ErrorContains(t, err, "the integer 15511210043330985984000000 needs more than 64 bits")
	require.Equal(t, server, result[int](f, "server", "pid"))
}

// A server does not hear of limits: its process ends with it.
func TestServerIsStopped(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json")})
	server := result[int](f, "server", "pid")
	f.requireSettled()
	require.ErrorIs(t, failure(f, "server", "silence", producer.Limit(300*time.Millisecond)), codec.ErrTimeLimit)
	requireGone(t, server)
	require.Equal(t, 1, result[int](f, "server", "count"))
}

func TestServerGoesWithItsProcess(t *testing.T) {
	f := newFleet(t, nil, []string{"server=" + testServer("json")})
	first := result[int](f, "server", "pid")
	require.NoError(t, syscall.Kill(f.Supervisor().PIDs()[0], syscall.SIGKILL))
	requireGone(t, first)
	second := result[int](f, "server", "pid")
	require.NotEqual(t, first, second)
	require.NoError(t, f.Close(f.ctx))
	requireGone(t, second)
}

func TestServerThatDoesNotStart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for definition, want := range map[string]string{
		"server=" + testServer("mute"): "no model\ncommand: server is not ready: server: exit status 4",
		"server=echo hello":            `the line "hello": it is not JSON`,
		`server=echo '{"id":1}'`:       `the first should be {"ready": true}`,
	} {
		_, err := startFleet(t, ctx, nil, []string{definition})
		require.ErrorIs(t, err, pool.ErrNotReady, definition)
		require.ErrorContains(t, err, want, definition)
	}
}
