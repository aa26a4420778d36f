package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// What came from elsewhere must not control the terminal, nor the table.
func TestTableIsPrintable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := newTable(&out, "A", "B")
	table.row("\x1b[31mred", "tab\tbell\a\x9b\xff")
	require.NoError(t, table.flush())
	require.Equal(t, "A         B\n?[31mred  tab?bell???\n", out.String())
}
