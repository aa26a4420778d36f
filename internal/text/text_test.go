package text_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/text"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1: "-1", -100: "-100", -1000: "-1,000",
	} {
		require.Equal(t, want, text.Thousands(n))
	}
	require.Equal(t, "18,446,744,073,709,551,615", text.Thousands(uint64(math.MaxUint64)))
	require.Equal(t, "1 host", text.Count(1, "host"))
	require.Equal(t, "0 hosts", text.Count(0, "host"))
	require.Equal(t, "2,000 processes", text.Count(uint64(2000), "process"))
	require.Equal(t, "0 deliveries", text.Count(0, "delivery"))
}

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 90 * time.Second: "90 s", 119 * time.Minute: "119 min",
		47 * time.Hour: "47 h", 49 * time.Hour: "2 d",
	} {
		require.Equal(t, want, text.Age(now.Add(-d), now))
	}
	require.Equal(t, "-", text.Age(time.Time{}, now))
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 1 << 40: "1.0 TiB", 1 << 51: "2048.0 TiB",
	} {
		require.Equal(t, want, text.Bytes(n))
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for long, want := range map[string]string{
		"": "", " a \n": "a", "two\nlines": "two…", "äöüßé": "äöüßé", "äöüßéx": "äöüßé…", "🐦🐦🐦🐦🐦🐦": "🐦🐦🐦🐦🐦…",
	} {
		require.Equal(t, want, text.Short(long, 5), long)
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a ü 世 🐦", text.Printable("a ü 世 🐦"))
	// An escape, a C1 control, a byte that is no text, marks that turn the order
	// around, a space of no width, and ends of a line.
	require.Equal(t, "?[31m????????", text.Printable("\x1b[31m\u009b\xff\u202e\u2066\u061c\u200b\u2028\n"))
}

func TestClosest(t *testing.T) {
	t.Parallel()
	words := []string{"default", "images", "night", "q1"}
	for written, want := range map[string]string{
		"default": "default", "defualt": "default", "deflt": "default", "image": "images", "imagess": "images", "nihgt": "night",
		"q2": "q1", "": "", "typo": "", "mail": "", "xxxxxxx": "",
	} {
		require.Equal(t, want, text.Closest(written, words), written)
	}
	require.Empty(t, text.Closest("x", nil))
}
