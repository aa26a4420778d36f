package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestReceiptRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 127, 128, codec.MaxTasks} {
		got, err := codec.ReadReceipt(codec.AppendReceipt(nil, n))
		require.NoError(t, err)
		require.Equal(t, n, got)
	}
	for _, data := range [][]byte{codec.AppendReceipt(nil, codec.MaxTasks+1), codec.AppendReceipt(nil, -1), pack(t, 1, 3, "1"), pack(t, 1, 3)} {
		n, err := codec.ReadReceipt(data)
		require.ErrorIs(t, err, codec.ErrMalformed)
		require.Zero(t, n)
	}
}

func TestCancelRoundTrip(t *testing.T) {
	t.Parallel()
	many := make([]uint64, 70_000)
	for _, tasks := range [][]uint64{{}, {1}, {0, 1<<64 - 1}, many} {
		running := len(tasks) == 1
		ids, both, err := codec.ReadCancel(codec.AppendCancel(nil, client, running, tasks...))
		require.NoError(t, err)
		require.Equal(t, running, both)
		require.Len(t, ids, len(tasks))
		for i, id := range ids {
			require.Equal(t, codec.ID{Client: client, N: tasks[i]}, id)
		}
	}
	for _, data := range [][]byte{
		pack(t, 1, 4), pack(t, 1, 4, client), pack(t, 1, 4, "A", []any{1}, true), pack(t, 1, 4, client, 1, true), pack(t, 1, 4, client, []any{-1}, true), pack(t, 1, 4, client, []any{"1"}, true), pack(t, 1, 4, client, []any{1}), pack(t, 1, 4, client, []any{1}, 1),
	} {
		ids, _, err := codec.ReadCancel(data)
		require.ErrorIs(t, err, codec.ErrMalformed)
		require.Empty(t, ids)
	}
}

func TestStartedRoundTrip(t *testing.T) {
	t.Parallel()
	for sent, want := range map[codec.Started]codec.Started{
		{}: {},
		{N: 1<<64 - 1, Attempt: 1 << 20, Host: "kestrel", PID: 1<<31 - 1}: {N: 1<<64 - 1, Attempt: 1 << 20, Host: "kestrel", PID: 1<<31 - 1},
		{Attempt: -1, PID: -1}:           {},
		{Host: strings.Repeat("é", 200)}: {Host: strings.Repeat("é", 128)},
		{Host: "a\xffb"}:                 {Host: "a\uFFFDb"},
	} {
		got, err := codec.ReadStarted(codec.AppendStarted(nil, &sent))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, data := range [][]byte{
		pack(t, 1, 5, 1, 1, "h"), pack(t, 1, 5, -1, 1, "h", 1), pack(t, 1, 5, 1, 1<<20+1, "h", 1), pack(t, 1, 5, 1, 1, 1, 1),
		pack(t, 1, 5, 1, 1, "h", -1), pack(t, 1, 5, 1, 1, "h", uint64(1<<64-1)), pack(t, 1, 5, 1, 1, "h", int64(1<<31)),
	} {
		got, err := codec.ReadStarted(data)
		require.ErrorIs(t, err, codec.ErrMalformed)
		require.Zero(t, got)
	}
}

func TestProgressRoundTrip(t *testing.T) {
	t.Parallel()
	for sent, want := range map[codec.Progress]codec.Progress{
		{}: {},
		{Done: 1<<64 - 1, Total: 1 << 40, Note: "pages"}: {Done: 1<<64 - 1, Total: 1 << 40, Note: "pages"},
		{Note: strings.Repeat("n", 1025)}:                {Note: strings.Repeat("n", 1024)},
	} {
		n, attempt, got, err := codec.ReadProgress(codec.AppendProgress(nil, 42, 3, sent))
		require.NoError(t, err)
		require.Equal(t, []any{uint64(42), 3, want}, []any{n, attempt, got})
	}
	_, _, _, err := codec.ReadProgress(pack(t, 1, 6, 1, 1, -1, 0, ""))
	require.ErrorIs(t, err, codec.ErrMalformed)
}
