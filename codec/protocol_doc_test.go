package codec_test

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// documented returns the messages that docs/protocol.md shows byte by byte.
func documented(t *testing.T) map[string][]byte {
	arg, err := codec.AppendValue(nil, uint64(97))
	require.NoError(t, err)
	result, err := codec.AppendValue(nil, true)
	require.NoError(t, err)
	return map[string][]byte{
		"batch": encodeBatch(
			codec.Task{N: 42, Func: "is_prime", Arg: arg},
			codec.Task{
				N: 300, Func: "is_prime", Arg: arg, Crashes: 1, MaxCrashes: 5, Deadline: time.UnixMilli(1_900_000_000_000),
				Header: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
			},
		),
		"outcomes": encodeOutcomes(
			codec.Outcome{N: 42, Value: result, Run: 5 * time.Microsecond},
			codec.Outcome{N: 300, Run: 1500 * time.Microsecond, Failure: &codec.Failure{
				Code: codec.CodeWorkerDied, Host: "kestrel", PID: 4711, Attempt: 5, ExitCode: -1, Signal: "SIGKILL", Stderr: "oops\n",
			}},
		),
		"receipt":  codec.AppendReceipt(nil, 2),
		"cancel":   codec.AppendCancel(nil, client, false, 42, 300),
		"started":  codec.AppendStarted(nil, &codec.Started{N: 42, Attempt: 1, Host: "kestrel", PID: 4711}),
		"progress": codec.AppendProgress(nil, 42, 1, codec.Progress{Done: 30, Total: 100, Note: "pages"}),
		"dead": codec.AppendDeadLetter(nil, &codec.DeadLetter{
			Queue: "default", At: time.UnixMilli(1_900_000_000_000),
			Failure: &codec.Failure{Code: codec.CodeWorkerDied, Signal: "SIGKILL"},
			Message: encodeBatch(codec.Task{N: 42, Func: "is_prime", Arg: arg, Crashes: 3}),
		}),
	}
}

// The document's examples are what this package writes, to the byte, with a comment
// on each value, and read.
func TestProtocolDocument(t *testing.T) {
	t.Parallel()
	const path = "../docs/protocol.md"
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	examples := documented(t)
	block := regexp.MustCompile("(?ms)^```hex (\\w+)\n(.*?)^```$")
	after := block.ReplaceAllFunc(before, func(found []byte) []byte {
		name := string(block.FindSubmatch(found)[1])
		message, ok := examples[name]
		require.True(t, ok, "%s is shown twice, or nothing checks it", name)
		delete(examples, name)
		require.NoError(t, decoders[name](message))
		return []byte("```hex " + name + "\n" + annotate(t, message, messageParts[name]) + "```")
	})
	require.Empty(t, examples, "examples that the document does not show")
	if *update {
		require.NoError(t, os.WriteFile(path, after, 0o644))
		return
	}
	require.Equal(t, string(after), string(before), "go test ./codec -run ProtocolDocument -update rewrites them")
}

// The document lists a task's options and a failure's keys in the order in which they
// are written, as the vectors' README says.
func TestProtocolDocumentListsKeysInOrder(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/protocol.md")
	require.NoError(t, err)
	for table, message := range map[string][]byte{
		"| option | type | meaning and limit |": encodeBatch(fullTask),
		"| key | type | meaning and limit |":    encodeOutcomes(codec.Outcome{N: 7, Failure: &fullFailure}),
	} {
		_, rest, found := strings.Cut(string(document), table)
		require.True(t, found, table)
		rows, _, _ := strings.Cut(rest, "\n\n")
		var listed []string
		at := 0
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)`").FindAllStringSubmatch(rows, -1) {
			key := row[1]
			listed = append(listed, key)
			if from := bytes.Index(message, append([]byte{0xa0 | byte(len(key))}, key...)); from >= 0 {
				require.Greater(t, from, at, "%s is written before what the document lists before it", key)
				at = from
			}
		}
		require.GreaterOrEqual(t, len(listed), 13, table)
	}
}

// The document names every code, option, failure key and JSON key that is on the
// wire.
func TestProtocolDocumentIsComplete(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/protocol.md")
	require.NoError(t, err)
	words := []string{
		"crashes", "max_crashes", "errors", "max_errors", "backoff", "deadline", "limit", "depth", "retain", "key", "numbered", "object", "header", "traceparent",
		"code", "type", "message", "stack", "host", "pid", "attempt", "exit_code", "signal", "out_of_memory", "stderr", "sentinels", "values",
	}
	for _, code := range codec.Codes {
		words = append(words, string(code))
	}
	for _, document := range []any{
		codec.HostStatus{}, codec.ProcessStatus{}, codec.ProcessDeath{}, codec.HandOffs{}, codec.FuncCount{}, codec.Histogram{}, codec.Span{},
		codec.ControlRequest{}, codec.ControlAnswer{},
	} {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(document)) {
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			words = append(words, key)
		}
	}
	for _, word := range words {
		require.Contains(t, string(document), "`"+word+"`")
	}
}
