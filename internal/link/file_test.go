package link_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

func TestValueComesBackFromItsFile(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 3 << 20} {
		value := make([]byte, size)
		for i := range value {
			value[i] = byte(i)
		}
		f, err := link.NewFile("value", value)
		require.NoError(t, err)
		got, err := link.ReadFile(f, int64(size))
		require.NoError(t, err)
		require.Equal(t, value, got)
		require.ErrorIs(t, f.Close(), os.ErrClosed, "it was closed")
	}
}

func TestWhatIsNoValueIsRefused(t *testing.T) {
	t.Parallel()
	_, err := link.ReadFile(nil, 1)
	require.ErrorIs(t, err, link.ErrProtocol)

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	_, err = link.ReadFile(r, 1)
	require.ErrorIs(t, err, link.ErrProtocol)
	require.ErrorIs(t, r.Close(), os.ErrClosed, "it was closed")

	f, err := link.NewFile("value", make([]byte, 11))
	require.NoError(t, err)
	_, err = link.ReadFile(f, 10)
	require.ErrorContains(t, err, "11 bytes")
	require.ErrorIs(t, f.Close(), os.ErrClosed, "it was closed")
}
