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
