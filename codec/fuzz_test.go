package codec_test

import (
	"context"
	"errors"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// Whatever decodes encodes again, and decodes to the same.

func FuzzBatch(f *testing.F) {
	f.Add(messages()["batch"])
	f.Add(encodeBatch(ordinaryTask, ordinaryTask, fullTask))
	f.Add(pack(f, 1, 1, client, []any{[]any{7, "f", []byte{1}, map[string]any{"later": 1}}}, false, "extra"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second codec.Batch
		err := first.Decode(data)
		require.Equal(t, err, new(codec.TaskList).Decode(data))
		if err != nil {
			if !isCodecError(err) {
				t.Fatal(err)
			}
			return
		}
		begin := codec.NewBatch
		if first.Chunk {
			begin = codec.NewChunk
		}
		b := begin(first.Client, nil)
		for i := range first.Tasks {
			b.Add(&first.Tasks[i])
			// An empty header does not travel.
			if task := &first.Tasks[i]; len(task.Header) == 0 {
				task.Header = nil
			}
		}
		require.NoError(t, second.Decode(b.Bytes()))
		for i := range first.Tasks {
			// The zero time, sent as a deadline, is none.
			if first.Tasks[i].Deadline.IsZero() {
				first.Tasks[i].Deadline = time.Time{}
			}
		}
		require.Equal(t, first.Client, second.Client)
		require.Equal(t, first.Chunk, second.Chunk)
		require.Equal(t, first.Tasks, second.Tasks)

		// A host reads the same, and passes on untouched what reads the same.
		var list codec.TaskList
		require.NoError(t, list.Decode(b.Bytes()))
		n := list.Len()
		require.Len(t, second.Tasks, n)
		for i := range n {
			require.Equal(t, second.Tasks[i].N, list.N(i))
			require.Equal(t, second.Tasks[i].Func, list.Func(i))
			require.Len(t, second.Tasks[i].Arg, list.Size(i))
			require.Equal(t, second.Tasks[i], *list.Task(i))
		}
		third := codec.Batch{}
		require.NoError(t, third.Decode(codec.AppendBatch(nil, list.Client, list.Encoded(0, n), n)))
		require.Equal(t, second.Tasks, third.Tasks)
		require.Empty(t, list.Encoded(n, n))
	})
}

func FuzzOutcomes(f *testing.F) {
	f.Add(messages()["outcomes"])
	f.Add(encodeOutcomes())
	f.Add(pack(f, 1, 2, client, []any{[]any{7, 0, 2, []byte{0x80}, "extra"}}, "extra"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second codec.Outcomes
		if err := first.Decode(data); err != nil {
			if !isCodecError(err) {
				t.Fatal(err)
			}
			return
		}
		b := codec.NewOutcomes(first.Client, nil)
		for i := range first.List {
			b.Add(&first.List[i])
		}
		require.NoError(t, second.Decode(b.Bytes()))
		require.Equal(t, first, second)
	})
}

// FuzzFailure puts the bytes where a failure stands in an outcome.
func FuzzFailure(f *testing.F) {
	for _, failure := range []codec.Failure{{}, fullFailure, {Code: "x", PID: -1, Message: "\xff"}, *divide.Failure(errors.Join(errZero, errSameText, frozen{5}, &late{1}))} {
		message := encodeOutcomes(codec.Outcome{Failure: &failure})
		wrapping := len(encodeOutcomes(codec.Outcome{}))
		f.Add(message[wrapping:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outcome := codec.AppendOutcome(nil, &codec.Outcome{N: 1, Value: data})
		outcome[3] = 1 // the status
		message := codec.NewOutcomes(client, nil).Bytes()
		message[len(message)-1] = 1
		var first, second codec.Outcomes
		require.NoError(t, first.Decode(append(message, outcome...)), "a failure must not harm its message")
		require.NoError(t, second.Decode(encodeOutcomes(first.List...)))
		require.Equal(t, first, second)
		require.NotNil(t, first.List[0].Failure)
		seen := divide.Spec().Err(first.List[0].Failure, codec.ID{})
		require.Error(t, seen)
		require.NotErrorIs(t, seen, context.Canceled)
		require.NotErrorIs(t, seen, context.DeadlineExceeded)
		errors.As(seen, new(*rangeError))
	})
}

func FuzzNotices(f *testing.F) {
	for _, kind := range []string{"receipt", "cancel", "started"} {
		f.Add(messages()[kind])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := codec.ReadReceipt(data); err == nil {
			again, err := codec.ReadReceipt(codec.AppendReceipt(nil, n))
			require.NoError(t, err)
			require.Equal(t, n, again)
		}
		if ids, running, err := codec.ReadCancel(data); err == nil && len(ids) > 0 {
			var tasks []uint64
			for _, id := range ids {
				tasks = append(tasks, id.N)
			}
			again, both, err := codec.ReadCancel(codec.AppendCancel(nil, ids[0].Client, running, tasks...))
			require.NoError(t, err)
			require.Equal(t, running, both)
			require.Equal(t, ids, again)
		}
		if s, err := codec.ReadStarted(data); err == nil {
			again, err := codec.ReadStarted(codec.AppendStarted(nil, &s))
			require.NoError(t, err)
			require.Equal(t, s, again)
		}
	})
}

func FuzzValue(f *testing.F) {
	at := time.Unix(0xdfffffff, 5)
	for _, v := range []any{
		nil, 5, -70_000, "text", []byte{1}, 1.5, []string{"a"}, []wide{{B: "b"}}, map[string]any{"a": []any{at}}, map[int]int{1: 2},
		embeds{inner: inner{1, "b"}}, odd{Any: 5}, &node{1, &node{}}, tree{"a": nil}, []timesAndMaps{{at, map[string]any{"a": 1}}}, big.NewInt(-5),
	} {
		data, err := codec.AppendValue(nil, v)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte("\x91\x81\xa4Maps\xd7\xff\xdf\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, decode := range valueTypes {
			if err := decode(data); err != nil {
				require.ErrorIs(t, err, codec.ErrDecode, name)
			}
		}
		survives[int](t, data)
		survives[uint8](t, data)
		survives[string](t, data)
		survives[[]byte](t, data)
		survives[any](t, data)
		survives[[]string](t, data)
		survives[[]wide](t, data)
		survives[map[int]int](t, data)
		survives[embeds](t, data)
		survives[*node](t, data)
		survives[tree](t, data)
		survives[*big.Int](t, data)
		survives[[]timesAndMaps](t, data)
	})
}

func survives[T any](t *testing.T, data []byte) {
	first, err := codec.Value[T](data)
	if err != nil {
		return
	}
	again, err := codec.AppendValue(nil, first)
	require.NoError(t, err)
	second, err := codec.Value[T](again)
	require.NoError(t, err)
	if reflect.DeepEqual(first, second) {
		return
	}
	// NaN differs from itself, and a number's type within an any may change:
	// compare what is written.
	once, err := codec.AppendValue(nil, second)
	require.NoError(t, err)
	require.Len(t, once, len(again))
}
