package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

const batchSize = 100

// buildBatch encodes a batch of ordinary tasks in buf's space.
func buildBatch(buf []byte) []byte {
	b := codec.NewBatch(client, buf)
	for n := range uint64(batchSize) {
		task := codec.Task{N: 1_000_000 + n, Func: "is_prime", Arg: ordinaryTask.Arg}
		b.Add(&task)
	}
	return b.Bytes()
}

func buildOutcomes(buf []byte) []byte {
	b := codec.NewOutcomes(client, buf)
	for n := range uint64(batchSize) {
		b.Add(&codec.Outcome{N: 1_000_000 + n, Value: ordinaryTask.Arg, Run: 5000})
	}
	return b.Bytes()
}

func TestAllocations(t *testing.T) {
	buf := make([]byte, 0, 64<<10)
	batch, outcomes := buildBatch(nil), buildOutcomes(nil)
	var b codec.Batch
	var o codec.Outcomes
	plain := codec.NewFunc[uint64, int]("plain")
	number, err := codec.AppendValue(nil, uint64(1<<30))
	require.NoError(t, err)
	text, err := codec.AppendValue(nil, "some text that is not tiny")
	require.NoError(t, err)

	for _, c := range []struct {
		name string
		most float64
		f    func()
	}{
		{"building a batch", 1, func() { buildBatch(buf) }},
		{"building outcomes", 1, func() { buildOutcomes(buf) }},
		{"reading a batch", 2, func() { _ = b.Decode(batch) }}, // the client's name, the func's
		{"reading outcomes", 1, func() { _ = o.Decode(outcomes) }},
		{"encoding a number", 0, func() { _, _ = codec.AppendValue(buf, uint64(1<<40)) }},
		{"encoding a text", 0, func() { _, _ = codec.AppendValue(buf, "some text that is not tiny") }},
		{"encoding bytes", 0, func() { _, _ = codec.AppendValue(buf, batch) }},
		{"encoding an argument", 0, func() { _, _ = plain.AppendArg(buf, 1<<40) }},
		{"reading an argument", 0, func() { _, _ = plain.Arg(number) }},
		{"encoding an argument of a func with errors", 0, func() { _, _ = divide.AppendArg(buf, 1<<30) }},
		{"reading a uint64", 0, func() { _, _ = codec.Value[uint64](number) }},
		{"reading an int", 0, func() { _, _ = codec.Value[int](number) }},
		{"reading a text", 1, func() { _, _ = codec.Value[string](text) }},
	} {
		require.LessOrEqual(t, testing.AllocsPerRun(100, c.f), c.most, c.name)
	}
}

func BenchmarkBatchEncode(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 64<<10)
	for b.Loop() {
		buildBatch(buf)
	}
}

func BenchmarkBatchDecode(b *testing.B) {
	b.ReportAllocs()
	data := buildBatch(nil)
	var batch codec.Batch
	for b.Loop() {
		_ = batch.Decode(data)
	}
}

func BenchmarkOutcomesEncode(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 64<<10)
	for b.Loop() {
		buildOutcomes(buf)
	}
}

func BenchmarkOutcomesDecode(b *testing.B) {
	b.ReportAllocs()
	data := buildOutcomes(nil)
	var outcomes codec.Outcomes
	for b.Loop() {
		_ = outcomes.Decode(data)
	}
}

func BenchmarkValueEncode(b *testing.B) {
	b.Run("uint64", func(b *testing.B) { benchmarkEncode(b, uint64(1<<40)) })
	b.Run("string", func(b *testing.B) { benchmarkEncode(b, "some text that is not tiny") })
	b.Run("struct", func(b *testing.B) { benchmarkEncode(b, point{1, 2}) })
}

func BenchmarkValueDecode(b *testing.B) {
	b.Run("uint64", func(b *testing.B) { benchmarkDecode(b, uint64(1<<40)) })
	b.Run("string", func(b *testing.B) { benchmarkDecode(b, "some text that is not tiny") })
	b.Run("struct", func(b *testing.B) { benchmarkDecode(b, point{1, 2}) })
}

func benchmarkEncode[T any](b *testing.B, v T) {
	b.ReportAllocs()
	buf := make([]byte, 0, 1024)
	for b.Loop() {
		_, _ = codec.AppendValue(buf, v)
	}
}

func benchmarkDecode[T any](b *testing.B, v T) {
	b.ReportAllocs()
	data, err := codec.AppendValue(nil, v)
	require.NoError(b, err)
	for b.Loop() {
		_, _ = codec.Value[T](data)
	}
}
