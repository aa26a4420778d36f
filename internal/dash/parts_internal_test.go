package dash

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRing(t *testing.T) {
	t.Parallel()
	r := newRing[int](3)
	require.Empty(t, slices.Collect(values(r, 0)))
	for i := range 5 {
		r.add(i)
	}
	require.Equal(t, []int{2, 3, 4}, slices.Collect(values(r, 0)))
	require.Equal(t, []int{4}, slices.Collect(values(r, 4)))
	require.Empty(t, slices.Collect(values(r, 5)))
	var back []int
	for v := range r.backwards() {
		back = append(back, *v)
	}
	require.Equal(t, []int{4, 3, 2}, back)
}

func values(r *ring[int], from uint64) func(func(int) bool) {
	return func(yield func(int) bool) {
		for v := range r.since(from) {
			if !yield(*v) {
				return
			}
		}
	}
}

func TestPalette(t *testing.T) {
	t.Parallel()
	p, q := newPalette(), newPalette()
	require.Equal(t, p.colour("resize"), q.colour("resize"))
	seen := map[int]bool{}
	for _, name := range strings.Split("abcdefghijkl", "") {
		seen[q.colour(name)] = true
	}
	require.Len(t, seen, colours-1, "all but that of resize, and one twice")
	for i := range 2 * maxFuncs {
		require.Less(t, q.colour(strings.Repeat("x", i)), colours)
	}
	require.Len(t, q.of, maxFuncs)
}

func TestTexts(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\n\tb\ufffd[1m\ufffd", plain("a\n\tb\x1b[1m\u202e"))
	require.Equal(t, "x"+strings.Repeat("ü", maxText/2-1)+"… (19.5 KiB in all)", plain("x"+strings.Repeat("ü", 10_000)))
	require.Equal(t, "ab…", short("abc\ndef", 2))
	require.Equal(t, "abc…", short("abc\ndef", 3))
	require.Equal(t, "abc", short(" abc\n", 3))
	require.Equal(t, `{"a":[1,"<b>"]}`, value([]byte("\x81\xa1a\x92\x01\xa3<b>")))
	require.Equal(t, "base64: wQ==", value([]byte{0xc1}))
	require.Equal(t, "", value(nil))
	for want, d := range map[string]time.Duration{
		"1.5 µs": 1500, "15 µs": 15_400, "1.5 ms": 1_500_000, "15 ms": 15_400_000, "1.5 s": 1500 * time.Millisecond,
		"1 min 30 s": 90 * time.Second, "2 h 5 min": 125 * time.Minute, "3 days": 80 * time.Hour, "0.0 µs": -1,
	} {
		require.Equal(t, want, duration(d))
	}
	require.Equal(t, "–", age(time.Time{}))
}

func TestLine(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := newRing[sample](10)
	r.add(sample{at: now.Add(-time.Hour), waiting: 100}) // is too old to be drawn
	r.add(sample{at: now.Add(-samplesFor / 2)})
	r.add(sample{at: now, waiting: 10})
	l := newLine(r, now, func(s *sample) float64 { return s.waiting })
	require.Equal(t, "90.0,30.5 180.0,1.5", l.Points)
	require.Equal(t, "90.0,32 90.0,30.5 180.0,1.5 180.0,32", l.Area)
	require.EqualValues(t, 10, l.Most)
	require.Empty(t, newLine(newRing[sample](1), now, nil).Points)
}
