package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every way gives every line back. The figures of so few say nothing.
func TestLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), options{lines: 2000, forks: 50, rounds: 1}, &out))
	require.Contains(t, out.String(), "| `muster map echo` | 2,000 | ")
	require.Contains(t, out.String(), "| `xargs -n1 echo` | 50 | ")
}
