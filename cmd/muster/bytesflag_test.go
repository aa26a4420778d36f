package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestByteCount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1": 1, "536870912": 536870912, "512MiB": 512 << 20, "512 MiB": 512 << 20, "1GB": 1e9, "1.5g": 3 << 29, "10kb": 10_000, "2KiB": 2048, "7b": 7,
	} {
		var b byteCount
		require.NoError(t, b.Set(text), text)
		require.EqualValues(t, want, b, text)
	}
	for _, text := range []string{"", "0", "-1", "MiB", "1XiB", "1e", "NaN", "Inf", "9999999TiB", "1 2", "0x10p", "0.5"} {
		var b byteCount
		require.Error(t, b.Set(text), text)
	}
}
