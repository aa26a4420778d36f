package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestBatchRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 15, 16, 1000, codec.MaxTasks} {
		builder := codec.NewBatch(client, nil)
		var want []codec.Task
		for i := range n {
			task := codec.Task{N: uint64(i), Func: []string{"a", "b"}[i/3%2], Arg: []byte{byte(i)}}
			want = append(want, task)
			if i%2 == 0 {
				builder.Add(&task)
			} else {
				builder.AddEncoded(codec.AppendTask(nil, &task), 1)
			}
		}
		require.Equal(t, n, builder.Len())
		require.Len(t, builder.Bytes(), builder.Size())

		var b codec.Batch
		require.NoError(t, b.Decode(builder.Bytes()))
		require.Equal(t, client, b.Client)
		require.Equal(t, want, b.Tasks)
	}
}

func TestBatchSaysWhetherItIsAChunk(t *testing.T) {
	t.Parallel()
	task := codec.Task{N: 7, Func: "f", Arg: []byte{}}
	chunk := codec.NewChunk(client, nil)
	chunk.Add(&task)
	var b codec.Batch
	for _, data := range [][]byte{chunk.Bytes(), chunk.Bytes()} { // it can be asked for again
		require.NoError(t, b.Decode(data))
		require.True(t, b.Chunk)
		require.Equal(t, []codec.Task{task}, b.Tasks)
	}
	require.NoError(t, b.Decode(encodeBatch(task)))
	require.False(t, b.Chunk)
	require.NoError(t, b.Decode(pack(t, 1, 1, client, []any{[]any{7, "f", []byte{}}}, false)))
	require.False(t, b.Chunk)
	require.ErrorIs(t, b.Decode(pack(t, 1, 1, client, []any{[]any{7, "f", []byte{}}}, 1)), codec.ErrMalformed)
}

func TestBatchHostile(t *testing.T) {
	t.Parallel()
	task := []any{7, "f", []byte{1}}
	tooMany := codec.NewBatch(client, nil)
	for range codec.MaxTasks + 1 {
		tooMany.Add(&codec.Task{Func: "f"})
	}
	for name, data := range map[string][]byte{
		"no array":           {0x81, 1, 1},
		"nothing":            {},
		"no client":          pack(t, 1, 1),
		"no tasks":           pack(t, 1, 1, client),
		"client no text":     pack(t, 1, 1, []byte(client), []any{task}),
		"client empty":       pack(t, 1, 1, "", []any{task}),
		"client of subjects": pack(t, 1, 1, "a.>", []any{task}),
		"client not UTF-8":   pack(t, 1, 1, "\xff\xfe", []any{task}),
		"client too long":    pack(t, 1, 1, strings.Repeat("a", codec.MaxName+1), []any{task}),
		"tasks no array":     pack(t, 1, 1, client, "tasks"),
		"tasks empty":        pack(t, 1, 1, client, []any{}),
		"too many tasks":     tooMany.Bytes(),
		"built empty":        codec.NewBatch(client, nil).Bytes(),
		"wrong element type": pack(t, 1, 1, client, []any{task, nil}),
	} {
		require.ErrorIs(t, new(codec.Batch).Decode(data), codec.ErrMalformed, name)
	}
}

// Reused space must not show, or hold, what was there before.
func TestBatchReused(t *testing.T) {
	t.Parallel()
	var b codec.Batch
	require.NoError(t, b.Decode(encodeBatch(fullTask, fullTask, fullTask)))
	space := b.Tasks
	require.NoError(t, b.Decode(encodeBatch(ordinaryTask)))
	require.Equal(t, []codec.Task{ordinaryTask}, b.Tasks)
	require.Equal(t, make([]codec.Task, 2), space[1:])

	require.Error(t, b.Decode([]byte{0x93, 1}))
	require.Empty(t, b.Tasks)
	require.Equal(t, make([]codec.Task, 3), space)
}
