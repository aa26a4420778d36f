package codec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func decodeOutcomes(t *testing.T, data []byte) []codec.Outcome {
	t.Helper()
	var o codec.Outcomes
	require.NoError(t, o.Decode(data))
	require.Equal(t, client, o.Client)
	return o.List
}

func TestOutcomesRoundTrip(t *testing.T) {
	t.Parallel()
	want := []codec.Outcome{
		{N: 0, Value: []byte{}},
		{N: 1<<64 - 1, Value: make([]byte, 70_000), Run: 2 * time.Hour},
		{N: 3, Failure: &fullFailure, Run: time.Microsecond},
		{N: 4, Failure: &codec.Failure{Code: codec.CodeCancelled}},
	}
	builder := codec.NewOutcomes(client, make([]byte, 3, 1000))
	for i := range want {
		builder.Add(&want[i])
	}
	require.Equal(t, 4, builder.Len())
	require.Len(t, builder.Bytes(), builder.Size())
	require.Equal(t, want, decodeOutcomes(t, builder.Bytes()))
	require.Empty(t, decodeOutcomes(t, encodeOutcomes()))
}

func TestOutcomeRunTime(t *testing.T) {
	t.Parallel()
	for run, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 999: 0, 1999: time.Microsecond, 1<<63 - 1: 365 * 24 * time.Hour,
	} {
		require.Equal(t, want, decodeOutcomes(t, encodeOutcomes(codec.Outcome{Run: run}))[0].Run)
	}
}

func TestOutcomeForwardCompatible(t *testing.T) {
	t.Parallel()
	failure := []byte{0x82, 0xa4, 'c', 'o', 'd', 'e', 0xa1, 'x', 0xa1, 'y', 0x91, 0xc0}
	got := decodeOutcomes(t, pack(t, 1, 2, client, []any{
		[]any{7, 0, 0, []byte{1}, "extra", []any{nil}},
		[]any{8, 0, 9, failure}, // neither status nor code are known yet
	}))
	require.Equal(t, []codec.Outcome{
		{N: 7, Value: []byte{1}},
		{N: 8, Failure: &codec.Failure{Code: "x"}},
	}, got)
}

func TestOutcomesHostile(t *testing.T) {
	t.Parallel()
	tooMany := codec.NewOutcomes(client, nil)
	for range codec.MaxTasks + 1 {
		tooMany.Add(&codec.Outcome{})
	}
	one := func(outcome ...any) []byte { return pack(t, 1, 2, client, []any{outcome}) }
	for name, data := range map[string][]byte{
		"no client":      pack(t, 1, 2),
		"client invalid": pack(t, 1, 2, "A", []any{}),
		"no list":        pack(t, 1, 2, client),
		"list no array":  pack(t, 1, 2, client, 3),
		"too many":       tooMany.Bytes(),
		"three elements": one(7, 0, 0),
		"number no uint": one(nil, 0, 0, []byte{1}),
		"run negative":   one(7, -1, 0, []byte{1}),
		"status no uint": one(7, 0, true, []byte{1}),
		"body no binary": one(7, 0, 0, "x"),
	} {
		var o codec.Outcomes
		require.ErrorIs(t, o.Decode(data), codec.ErrMalformed, name)
		require.Empty(t, o.List, name)
	}
}

func TestOutcomesReused(t *testing.T) {
	t.Parallel()
	var o codec.Outcomes
	require.NoError(t, o.Decode(encodeOutcomes(codec.Outcome{Failure: &fullFailure}, codec.Outcome{N: 1, Failure: &fullFailure})))
	space := o.List
	want := codec.Outcome{N: 5, Value: []byte{0xc0}}
	require.NoError(t, o.Decode(encodeOutcomes(want)))
	require.Equal(t, []codec.Outcome{want}, o.List)
	require.Equal(t, codec.Outcome{}, space[1])
}

func TestObjectsCrossByName(t *testing.T) {
	t.Parallel()
	out := codec.NewOutcomes(client, nil)
	out.Add(&codec.Outcome{N: 3, Object: "result-object"})
	var read codec.Outcomes
	require.NoError(t, read.Decode(out.Bytes()))
	require.Equal(t, []codec.Outcome{{N: 3, Object: "result-object"}}, read.List)

	batch := codec.NewBatch(client, nil)
	batch.Add(&codec.Task{N: 4, Func: "f", Arg: []byte{}, Object: "argument-object"})
	var tasks codec.Batch
	require.NoError(t, tasks.Decode(batch.Bytes()))
	require.Equal(t, []codec.Task{{N: 4, Func: "f", Arg: []byte{}, Object: "argument-object"}}, tasks.Tasks)

	// A name that cannot be one harms its own outcome only.
	bad := codec.NewOutcomes(client, nil)
	bad.Add(&codec.Outcome{N: 5, Object: strings.Repeat("x", codec.MaxName+1)})
	bad.Add(&codec.Outcome{N: 6, Value: []byte{1}})
	require.NoError(t, read.Decode(bad.Bytes()))
	require.NoError(t, read.Decode(pack(t, 1, 2, client, []any{[]any{5, 0, 2, []byte{}}, []any{6, 0, 0, []byte{1}}})))
	require.NotNil(t, read.List[0].Failure, "no name at all")
	require.NoError(t, read.Decode(bad.Bytes()))
	require.NotNil(t, read.List[0].Failure)
	require.Equal(t, []byte{1}, read.List[1].Value)
}
