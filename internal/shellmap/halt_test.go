package shellmap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHalt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Halt{
		"1": {Failures: 1}, "3": {Failures: 3}, "never": {Never: true}, "soon,fail=2": {Failures: 2, Soon: true},
	} {
		var h Halt
		require.NoError(t, h.Set(text))
		require.Equal(t, want, h)
		require.Equal(t, text, h.String())
	}
	var h Halt
	require.NoError(t, h.Set("now,fail=3"))
	require.Equal(t, Halt{Failures: 3}, h)
	require.True(t, h.reached(3))
	require.False(t, h.reached(2))
	for _, text := range []string{"", "0", "-1", "x", "fail=1", "soon", "now,fail=10%", "soon,fail=0"} {
		require.ErrorIs(t, h.Set(text), ErrHalt, text)
	}
	require.True(t, new(Halt).reached(1))
	require.False(t, (&Halt{Never: true}).reached(1<<40))
}
