package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 90 * time.Second: "90 s", 119 * time.Minute: "119 min",
		47 * time.Hour: "47 h", 49 * time.Hour: "2 d",
	} {
		require.Equal(t, want, age(time.Now().Add(-d)))
	}
	require.Equal(t, "-", age(time.Time{}))
}

func TestBytesOf(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 1 << 40: "1.0 TiB", 1 << 51: "2048.0 TiB",
	} {
		require.Equal(t, want, bytesOf(n))
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", " a \n": "a", "two\nlines": "two…", "äöüßé": "äöüßé", "äöüßéx": "äöüßé…",
	} {
		require.Equal(t, want, short(text, 5), text)
	}
}

// What came from elsewhere must not control the terminal, nor the table.
func TestTableIsPrintable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := newTable(&out, "A", "B")
	table.row("\x1b[31mred", "tab\tbell\a\x9b\xff")
	require.NoError(t, table.flush())
	require.Equal(t, "A         B\n?[31mred  tab?bell???\n", out.String())
}
