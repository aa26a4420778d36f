package recent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/recent"
)

func TestASetHasTheLatest(t *testing.T) {
	t.Parallel()
	s := recent.NewSet[int](3)
	require.False(t, s.Has(0))
	for n := range 100 {
		s.Add(n)
		s.Add(n)
		require.True(t, s.Has(n))
		require.Equal(t, n >= 2, s.Has(n-2))
		require.False(t, s.Has(n-3))
		require.Equal(t, min(n+1, 3), s.Len())
	}
}

// An element that was removed and added again is as new as others.
func TestAnElementComesBack(t *testing.T) {
	t.Parallel()
	s := recent.NewSet[string](3)
	for _, element := range []string{"a", "b", "c"} {
		s.Add(element)
	}
	require.True(t, s.Remove("b"))
	require.False(t, s.Remove("b"))
	require.Equal(t, 2, s.Len())
	s.Add("b") // where a was
	s.Add("d") // where b was at first
	require.False(t, s.Has("a"))
	for _, element := range []string{"b", "c", "d"} {
		require.True(t, s.Has(element), element)
	}
}
