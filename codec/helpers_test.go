package codec_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

const client = "k3xf9mq2l7zt4b6c"

// pack encodes a message by the library, as a stranger would.
func pack(t testing.TB, elements ...any) []byte {
	t.Helper()
	data, err := msgpack.Marshal(elements)
	require.NoError(t, err)
	return data
}

// allocated returns the bytes that f allocates. Not for parallel tests.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// decoders reads every kind of message.
var decoders = map[string]func([]byte) error{
	"batch":    func(data []byte) error { return new(codec.Batch).Decode(data) },
	"outcomes": func(data []byte) error { return new(codec.Outcomes).Decode(data) },
	"receipt":  func(data []byte) error { _, err := codec.ReadReceipt(data); return err },
	"cancel":   func(data []byte) error { _, _, err := codec.ReadCancel(data); return err },
	"started":  func(data []byte) error { _, err := codec.ReadStarted(data); return err },
	"progress": func(data []byte) error { _, _, _, err := codec.ReadProgress(data); return err },
	"dead":     func(data []byte) error { _, err := codec.ReadDeadLetter(data); return err },
}

// encodeBatch returns a batch with these tasks.
func encodeBatch(tasks ...codec.Task) []byte { return encodeBatchOf(client, tasks...) }

func encodeBatchOf(client string, tasks ...codec.Task) []byte {
	b := codec.NewBatch(client, nil)
	for i := range tasks {
		b.Add(&tasks[i])
	}
	return b.Bytes()
}

func encodeOutcomes(list ...codec.Outcome) []byte {
	b := codec.NewOutcomes(client, nil)
	for i := range list {
		b.Add(&list[i])
	}
	return b.Bytes()
}

// messages returns a real message of each kind, by the names of decoders.
func messages() map[string][]byte {
	return map[string][]byte{
		"batch": encodeChunk(ordinaryTask, fullTask),
		"outcomes": encodeOutcomes(
			codec.Outcome{N: 7, Value: []byte{0xc3}, Run: 1500},
			codec.Outcome{N: 1 << 40, Failure: &fullFailure},
		),
		"receipt":  codec.AppendReceipt(nil, 300),
		"cancel":   codec.AppendCancel(nil, client, true, 1, 1<<63),
		"started":  codec.AppendStarted(nil, &codec.Started{N: 7, Attempt: 2, Host: "kestrel", PID: 4711}),
		"progress": codec.AppendProgress(nil, 7, 2, codec.Progress{Done: 30, Total: 100, Note: "pages"}),
		"dead":     codec.AppendDeadLetter(nil, &deadLetter),
	}
}

// encodeChunk returns a batch with all that it can have.
func encodeChunk(tasks ...codec.Task) []byte {
	b := codec.NewChunk(client, nil)
	for i := range tasks {
		b.Add(&tasks[i])
	}
	return b.Bytes()
}

// nested returns depth arrays within each other, around one nil.
func nested(depth int) []byte { return []byte(strings.Repeat("\x91", depth) + "\xc0") }

func isCodecError(err error) bool {
	return errors.Is(err, codec.ErrMalformed) || errors.Is(err, codec.ErrVersion)
}
