package codec_test

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

var (
	ordinaryTask = codec.Task{N: 42, Func: "is_prime", Arg: []byte{0x61}}
	fullTask     = codec.Task{
		N: 1<<64 - 1, Func: "resize/v2", Arg: []byte("\xa5hello"),
		Crashes: 1, MaxCrashes: 5, Deadline: time.UnixMilli(1_900_000_000_123),
		Errors: 2, MaxErrors: 4, Backoff: 1500 * time.Millisecond,
		Limit: 90 * time.Second, Depth: 2, Retain: time.Hour, Key: "nightly report", Numbered: true,
		Header: map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	}
)

// roundTrip sends a task through a batch.
func roundTrip(t *testing.T, task codec.Task) codec.Task {
	t.Helper()
	var b codec.Batch
	require.NoError(t, b.Decode(encodeBatch(task)))
	require.Len(t, b.Tasks, 1)
	return b.Tasks[0]
}

func TestTaskRoundTrip(t *testing.T) {
	t.Parallel()
	for _, task := range []codec.Task{
		ordinaryTask, fullTask,
		{Func: "f", Arg: []byte{}},
		{N: 1, Func: strings.Repeat("n", codec.MaxName), Arg: make([]byte, 70_000)},
		{N: 2, Func: "f", Arg: []byte{1}, Deadline: time.UnixMilli(-5)},
	} {
		require.Equal(t, task, roundTrip(t, task))
	}
}

func TestTaskAttempts(t *testing.T) {
	t.Parallel()
	require.Equal(t, 1, ordinaryTask.Attempt())
	require.Equal(t, codec.DefaultCrashes, ordinaryTask.CrashBudget())
	require.Equal(t, 1, ordinaryTask.ErrorBudget())
	require.Equal(t, 4, fullTask.Attempt())
	require.Equal(t, 4, fullTask.ErrorBudget())
	require.Equal(t, 5, fullTask.CrashBudget())
}

// A task whose options its reader would refuse would take its batch with it.
func TestTaskOptionsBeyondBounds(t *testing.T) {
	t.Parallel()
	header := map[string]string{
		strings.Repeat("k", codec.MaxName+1): "x", "long": strings.Repeat("v", 4097), "binary": "\xff", "\xff": "binary",
	}
	task := codec.Task{N: 1, Func: "f", Arg: []byte{1}, Crashes: math.MaxInt32, MaxCrashes: math.MaxInt32, Header: header}
	got := roundTrip(t, task)
	require.Empty(t, got.Header)
	require.Equal(t, 1<<20, got.Crashes)
	require.Equal(t, 1<<20, got.MaxCrashes)

	for n := range 100 {
		header[strconv.Itoa(n)] = strings.Repeat("v", 4096)
	}
	require.Len(t, roundTrip(t, task).Header, 64)

	negative := roundTrip(t, codec.Task{Func: "f", Arg: []byte{1}, Crashes: -1, MaxCrashes: -1, Limit: -1, Depth: -1})
	require.Equal(t, codec.Task{Func: "f", Arg: []byte{1}}, negative)
}

// A limit is never rounded to none, nor beyond what its reader takes.
func TestTaskLimit(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	for limit, want := range map[time.Duration]time.Duration{
		1: time.Millisecond, time.Millisecond: time.Millisecond, time.Millisecond + 1: 2 * time.Millisecond,
		year: year, year + 1: year, math.MaxInt64: year,
	} {
		require.Equal(t, want, roundTrip(t, codec.Task{Func: "f", Limit: limit}).Limit)
	}
	task := []any{7, "f", []byte{1}, map[string]any{"limit": uint64(math.MaxUint64)}}
	var b codec.Batch
	require.NoError(t, b.Decode(pack(t, 1, 1, client, []any{task})))
	require.Equal(t, year, b.Tasks[0].Limit)
	require.Equal(t, 1<<20, roundTrip(t, codec.Task{Func: "f", Depth: math.MaxInt32}).Depth)
}

// A worker that stores a task again passes on what it does not know itself.
func TestTaskUnknownOptions(t *testing.T) {
	t.Parallel()
	options := map[string]any{"crashes": 2, "later": map[string]any{"deep": []any{1, "two"}}, "": nil}
	task := []any{7, "f", []byte{1}, options, "extra", []any{"extra"}}
	var first, second codec.Batch
	require.NoError(t, first.Decode(pack(t, 1, 1, client, []any{task, task})))
	require.Equal(t, 2, first.Tasks[0].Crashes)
	require.NoError(t, second.Decode(encodeBatch(first.Tasks...)))
	require.Equal(t, first.Tasks, second.Tasks)
	require.NotEqual(t, codec.Task{N: 7, Func: "f", Arg: []byte{1}, Crashes: 2}, second.Tasks[1])
}

func TestTaskHostile(t *testing.T) {
	t.Parallel()
	header := func(h any) []any { return []any{7, "f", []byte{1}, map[string]any{"header": h}} }
	many := map[string]string{}
	for n := range 65 {
		many[strconv.Itoa(n)] = ""
	}
	for name, task := range map[string]any{
		"no array":           "task",
		"empty":              []any{},
		"two elements":       []any{7, "f"},
		"negative number":    []any{-7, "f", []byte{1}},
		"number as text":     []any{"7", "f", []byte{1}},
		"name is a number":   []any{7, 7, []byte{1}},
		"name is binary":     []any{7, []byte("f"), []byte{1}},
		"name too long":      []any{7, strings.Repeat("n", codec.MaxName+1), []byte{1}},
		"argument is text":   []any{7, "f", "x"},
		"options no map":     []any{7, "f", []byte{1}, 5},
		"option key no text": []any{7, "f", []byte{1}, map[int]int{1: 1}},
		"crashes too many":   []any{7, "f", []byte{1}, map[string]any{"crashes": 1<<20 + 1}},
		"crashes negative":   []any{7, "f", []byte{1}, map[string]any{"crashes": -1}},
		"deadline no number": []any{7, "f", []byte{1}, map[string]any{"deadline": "now"}},
		"deadline too large": []any{7, "f", []byte{1}, map[string]any{"deadline": uint64(1 << 63)}},
		"limit negative":     []any{7, "f", []byte{1}, map[string]any{"limit": -1}},
		"limit no number":    []any{7, "f", []byte{1}, map[string]any{"limit": "1s"}},
		"depth too large":    []any{7, "f", []byte{1}, map[string]any{"depth": 1<<20 + 1}},
		"header no map":      header(1),
		"header not text":    header(map[string]any{"a": 1}),
		"header not UTF-8":   header(map[string]string{"a": "\xff"}),
		"header key long":    header(map[string]string{strings.Repeat("k", 129): ""}),
		"header value long":  header(map[string]string{"k": strings.Repeat("v", 4097)}),
		"header many":        header(many),
	} {
		var b codec.Batch
		require.ErrorIs(t, b.Decode(pack(t, 1, 1, client, []any{task})), codec.ErrMalformed, name)
		require.Empty(t, b.Tasks, name)
		require.Empty(t, b.Client, name)
	}
}

func TestTaskHeaderIsCopied(t *testing.T) {
	t.Parallel()
	data := encodeBatch(fullTask)
	var b codec.Batch
	require.NoError(t, b.Decode(data))
	header := maps.Clone(b.Tasks[0].Header)
	clear(data)
	require.Equal(t, header, b.Tasks[0].Header)
	require.Equal(t, fullTask.Func, b.Tasks[0].Func)
	require.Equal(t, client, b.Client)
}

func TestTasksNumberedByTheirMessage(t *testing.T) {
	t.Parallel()
	var b codec.Batch
	require.NoError(t, b.Decode(encodeBatch(ordinaryTask, codec.Task{Func: "f", Arg: []byte{}, Numbered: true})))
	b.Number(77)
	require.Equal(t, ordinaryTask, b.Tasks[0])
	require.Equal(t, codec.Task{N: 77, Func: "f", Arg: []byte{}}, b.Tasks[1])
}
