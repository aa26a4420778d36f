package consumer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func newDelivery(tasks int) *delivery {
	d := &delivery{end: tasks, batch: codec.Batch{Client: "a"}}
	for i := range tasks {
		d.batch.Tasks = append(d.batch.Tasks, codec.Task{N: uint64(i), Func: "f"})
	}
	return d
}

func TestCutTakesWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	d := newDelivery(4)
	require.Nil(t, d.cut(), "a delivery that has not begun is given back whole")
	require.True(t, d.beginNext())
	d.next++
	require.True(t, d.beginNext())

	var rest codec.Batch
	require.NoError(t, rest.Decode(d.cut()))
	require.Equal(t, "a", rest.Client)
	require.Len(t, rest.Tasks, 2)
	require.Equal(t, uint64(2), rest.Tasks[0].N)
	require.Nil(t, d.cut(), "once")
	d.next++
	require.False(t, d.beginNext(), "what was cut is not begun")
}

func TestCutLeavesWhatHasBegun(t *testing.T) {
	t.Parallel()
	d := newDelivery(1)
	require.True(t, d.beginNext())
	require.Nil(t, d.cut())
	d.next++
	require.False(t, d.beginNext())
	require.Nil(t, d.cut())
}
