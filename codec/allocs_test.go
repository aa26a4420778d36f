//go:build !race

// The race detector allocates too, so nothing here is counted under it.

package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// What a task may allocate on its way through the codec. A number may be
// lowered; who raises one must say what it is worth.
func TestAllocations(t *testing.T) {
	buf := make([]byte, 0, 64<<10)
	batch, outcomes := buildBatch(nil), buildOutcomes(nil)
	var readBatch codec.Batch
	var readOutcomes codec.Outcomes
	plain := codec.NewFunc[uint64, int]("plain")
	number, err := codec.AppendValue(nil, uint64(1<<30))
	require.NoError(t, err)
	text, err := codec.AppendValue(nil, "some text that is not tiny")
	require.NoError(t, err)

	for _, c := range []struct {
		what  string
		tasks float64 // that one call is for
		most  float64 // allocations for each
		call  func()
	}{
		{"building a batch", batchSize, 0.01, func() { buildBatch(buf) }},
		{"building outcomes", batchSize, 0.01, func() { buildOutcomes(buf) }},
		{"reading a batch", batchSize, 0.02, func() { _ = readBatch.Decode(batch) }}, // the client's name, the func's
		{"reading outcomes", batchSize, 0.01, func() { _ = readOutcomes.Decode(outcomes) }},
		{"encoding a number", 1, 0, func() { _, _ = codec.AppendValue(buf, uint64(1<<40)) }},
		{"encoding a text", 1, 0, func() { _, _ = codec.AppendValue(buf, "some text that is not tiny") }},
		{"encoding bytes", 1, 0, func() { _, _ = codec.AppendValue(buf, batch) }},
		{"encoding an argument", 1, 0, func() { _, _ = plain.AppendArg(buf, 1<<40) }},
		{"reading an argument", 1, 0, func() { _, _ = plain.Arg(number) }},
		{"encoding an argument of a func with errors", 1, 0, func() { _, _ = divide.AppendArg(buf, 1<<30) }},
		{"reading a uint64", 1, 0, func() { _, _ = codec.Value[uint64](number) }},
		{"reading an int", 1, 0, func() { _, _ = codec.Value[int](number) }},
		{"reading a text", 1, 1, func() { _, _ = codec.Value[string](text) }},
	} {
		require.LessOrEqual(t, testing.AllocsPerRun(100, c.call)/c.tasks, c.most, c.what)
	}
}
