package codec_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

var fullFailure = codec.Failure{
	Code: codec.CodeWorkerDied, Type: "*os.PathError", Message: "open x: nicht da – „fort“", Stack: "goroutine 1 [running]:\n",
	Host: "kestrel", PID: 4711, Attempt: 3, ExitCode: -1, Signal: "SIGKILL", OutOfMemory: true, Stderr: "oops\n",
	Sentinels: []string{"a", "", "ä"}, Values: []codec.ErrorValue{{Type: "*x.E", Data: []byte{0x81}}, {Data: []byte{}}},
}

func failureOf(t *testing.T, f codec.Failure) codec.Failure {
	t.Helper()
	got := decodeOutcomes(t, encodeOutcomes(codec.Outcome{N: 7, Failure: &f}))[0]
	require.Nil(t, got.Value)
	return *got.Failure
}

func TestFailureRoundTrip(t *testing.T) {
	t.Parallel()
	require.Equal(t, fullFailure, failureOf(t, fullFailure))
	require.Equal(t, codec.Failure{Code: codec.CodeError}, failureOf(t, codec.Failure{}))
	extremes := codec.Failure{Code: codec.CodeError, PID: -1, Attempt: 1<<31 - 1, ExitCode: -1 << 31}
	require.Equal(t, extremes, failureOf(t, extremes))
}

func TestFailureAsError(t *testing.T) {
	t.Parallel()
	id := codec.ID{Client: client, N: 7}
	for code, sentinel := range map[codec.Code]error{
		codec.CodePanic: codec.ErrPanic, codec.CodeGoexit: codec.ErrGoexit, codec.CodeUnknownFunc: codec.ErrUnknownFunc,
		codec.CodeArgument: codec.ErrArgument, codec.CodeResult: codec.ErrResult, codec.CodeTooLarge: codec.ErrTooLarge,
		codec.CodeWorkerDied: codec.ErrWorkerDied, codec.CodeCancelled: codec.ErrCancelled, codec.CodeExpired: codec.ErrExpired,
		codec.CodeTimeLimit: codec.ErrTimeLimit, codec.CodeDepth: codec.ErrDepth,
	} {
		err := (&codec.Failure{Code: code, Message: "why"}).Err(id)
		require.ErrorIs(t, err, sentinel)
		require.NotErrorIs(t, err, codec.ErrMalformed)
	}

	handlers := (&codec.Failure{Code: "later", Message: "why", Type: "*x.E"}).Err(id)
	require.EqualError(t, handlers, "why")
	var remote *codec.RemoteError
	require.ErrorAs(t, handlers, &remote)
	require.Equal(t, &codec.RemoteError{Task: id, Code: "later", Message: "why", Type: "*x.E"}, remote)
	require.False(t, errors.Is(handlers, nil))
	require.EqualError(t, (&codec.Failure{Code: codec.CodeCancelled}).Err(id), "task cancelled")
	require.EqualError(t, (&codec.Failure{Code: codec.CodePanic, Message: "boom"}).Err(id), "handler panicked: boom")

	var died *codec.WorkerDiedError
	require.ErrorAs(t, fullFailure.Err(id), &died)
	require.Equal(t, id, died.Task)
	require.EqualError(t, died, "worker process 4711 on host kestrel died on attempt 3: open x: nicht da – „fort“; its stderr ends:\noops")
	died.Cause = ""
	require.EqualError(t, died, "worker process 4711 on host kestrel died on attempt 3: signal SIGKILL, out of memory; its stderr ends:\noops")
	require.EqualError(t, &codec.WorkerDiedError{Host: "h", PID: 1, Attempt: 1, ExitCode: 3}, "worker process 1 on host h died on attempt 1: exit status 3")
}

// Huge fields are cut, of stderr the front, and the failure stays readable.
func TestFailureIsBounded(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{
		"ascii": "x", "two bytes": "é", "four bytes": "😀", "invalid": "\xff", "mixed": "\xffa", "continuation": "\x80", "half": "\xf0\x9f",
	} {
		for shift := range 5 { // so that the cut falls on every byte of a unit
			huge := strings.Repeat("s", shift) + strings.Repeat(unit, 1<<20/len(unit)) + strings.Repeat("e", shift)
			got := failureOf(t, codec.Failure{
				Code: codec.Code(huge), Type: huge, Message: huge, Stack: huge, Host: huge, Signal: huge, Stderr: huge,
			})
			for field, bound := range map[string]int{
				string(got.Code): 256, got.Type: 256, got.Message: 16 << 10, got.Stack: 32 << 10,
				got.Host: 256, got.Signal: 256, got.Stderr: 8 << 10,
			} {
				require.LessOrEqual(t, len(field), bound, name)
				require.Positive(t, len(field), name)
				require.True(t, utf8.ValidString(field), name)
			}
			if unit == "x" || unit == "é" || unit == "😀" {
				require.Greater(t, len(got.Message), 16<<10-4, name)
				require.Greater(t, len(got.Stderr), 8<<10-4, name)
			}
			require.True(t, strings.HasPrefix(got.Message, strings.Repeat("s", shift)), name)
			require.True(t, strings.HasSuffix(got.Stderr, strings.Repeat("e", shift)), name)
			require.Equal(t, got, failureOf(t, got), name)
		}
	}
}

// What a stranger sends is mended, or the failure says that it does not read;
// the outcomes around it arrive in any case.
func TestFailureHostile(t *testing.T) {
	t.Parallel()
	failure := func(body []byte) codec.Failure {
		return *decodeOutcomes(t, pack(t, 1, 2, client, []any{[]any{7, 0, 1, body}, []any{8, 0, 0, []byte{1}}}))[0].Failure
	}
	fixmap := func(key string, value ...byte) []byte {
		return append(append([]byte{0x81, 0xa0 | byte(len(key))}, key...), value...)
	}
	require.Equal(t, "a\uFFFDb", failure(fixmap("message", 0xa3, 'a', 0xff, 'b')).Message)

	for name, body := range map[string][]byte{
		"empty":              {},
		"no map":             {0x90},
		"map too long":       {0xdf, 0xff, 0xff, 0xff, 0xff},
		"truncated":          {0x81, 0xa4, 'c', 'o'},
		"key no text":        {0x81, 1, 1},
		"message no text":    fixmap("message", 1),
		"pid no number":      fixmap("pid", 0xa0),
		"pid out of range":   fixmap("pid", 0xce, 0x80, 0, 0, 0),
		"exit code out":      fixmap("exit_code", 0xd3, 0xff, 0, 0, 0, 0, 0, 0, 0),
		"out of memory":      fixmap("out_of_memory", 1),
		"attempt beyond int": fixmap("attempt", 0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0),
		"sentinels no array": fixmap("sentinels", 0x80),
		"sentinel no text":   fixmap("sentinels", 0x91, 0x01),
		"sentinels too many": fixmap("sentinels", 0xdd, 0xff, 0xff, 0xff, 0xff),
		"values no map":      fixmap("values", 0x90),
		"value no binary":    fixmap("values", 0x81, 0xa1, 'a', 0xa1, 'b'),
		"values too many":    fixmap("values", 0xdf, 0xff, 0xff, 0xff, 0xff),
		"bytes left":         {0x80, 0xc0},
		"nested":             fixmap("later", nested(200)...),
	} {
		f := failure(body)
		require.Equal(t, codec.CodeError, f.Code, name)
		require.Contains(t, f.Message, "does not read", name)
		require.Equal(t, f, failureOf(t, f), name)
	}
}
