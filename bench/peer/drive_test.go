package peer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// liar loses the last outcome of every burst.
type liar struct{}

func (liar) burst(_ context.Context, all tasks, _ int) (gain, error) {
	var got gain
	for i := range all.n - 1 {
		got.sum += all.at(i).run()
	}
	return got, nil
}

func (liar) close() {}

func TestWrongOutcomesAreNoticed(t *testing.T) {
	t.Parallel()
	f := &fleet{setup: Setup{Workers: 1}, dial: func(context.Context, int) (client, error) { return liar{}, nil }}
	_, err := f.Do(t.Context(), Load{Mode: Burst, Tasks: 10, Data: 1})
	require.ErrorIs(t, err, ErrWrong)
	_, err = f.Do(t.Context(), Load{Mode: Map, Tasks: 10})
	require.ErrorIs(t, err, ErrUnsupported)
	_, err = f.Do(t.Context(), Load{Mode: Burst, Tasks: 10, Parked: 1})
	require.ErrorIs(t, err, ErrUnsupported)
}

func TestTaskOnTheWire(t *testing.T) {
	t.Parallel()
	sent := Task{N: 1, Client: 2, Spin: 3, Sleep: 4, Data: []byte{5, 6}}
	got, err := decodeTask(sent.encode())
	require.NoError(t, err)
	require.Equal(t, sent, got)
	_, err = decodeTask([]byte("short"))
	require.Error(t, err)
}
