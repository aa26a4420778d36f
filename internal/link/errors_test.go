package link_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

func TestReceiveEndsAtTheEndOfTheStream(t *testing.T) {
	t.Parallel()
	small, large := frame(7, random(1, 100)), frame(7, random(1, 200_000))
	for name, c := range map[string]struct {
		stream []byte
		frames int
		err    error
	}{
		"nothing":                {nil, 0, io.EOF},
		"after a frame":          {small, 1, io.EOF},
		"after a large frame":    {large, 1, io.EOF},
		"within a header":        {small[:3], 0, io.ErrUnexpectedEOF},
		"within another header":  {append(frame(7, random(1, 100)), 0, 0, 0), 1, io.ErrUnexpectedEOF},
		"after a header":         {small[:8], 0, io.ErrUnexpectedEOF},
		"within a payload":       {small[:50], 0, io.ErrUnexpectedEOF},
		"after a large header":   {large[:8], 0, io.ErrUnexpectedEOF},
		"within a large payload": {large[:150_000], 0, io.ErrUnexpectedEOF},
		"before the last byte":   {large[:len(large)-1], 0, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, peer := half(t)
			go func() {
				_, _ = peer.Write(c.stream)
				_ = peer.Close()
			}()
			for range c.frames {
				f, err := conn.Receive()
				require.NoError(t, err)
				require.Equal(t, link.Kind(7), f.Kind)
			}
			for range 2 {
				_, err := conn.Receive()
				require.Equal(t, c.err, err)
				if c.err != io.EOF {
					break
				}
			}
		})
	}
}

func TestReceiveRejectsWhatIsNoFrame(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string][]byte{
		"version 0":               header(0, 1, 0, 0, 0),
		"version 1":               header(0, 1, 1, 0, 0),
		"reserved byte":           header(0, 1, 2, 0, 1),
		"flags":                   header(0, 1, 2, 2, 0),
		"all flags":               header(0, 1, 2, 0xff, 0),
		"length":                  header(link.MaxPayload+1, 1, 2, 0, 0),
		"greatest length":         header(0xffff_ffff, 1, 2, 0, 0),
		"text":                    []byte("panic: runtime error"),
		"missing file":            header(0, 1, 2, 1, 0),
		"missing file of payload": append(header(1, 1, 2, 1, 0), 'x'),
		"missing file of large":   append(header(100_000, 1, 2, 1, 0), make([]byte, 100_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, peer := half(t)
			_, err := peer.Write(append(frame(5, []byte("before")), stream...))
			require.NoError(t, err)
			requireFrame(t, conn, 5, []byte("before"))
			_, err = conn.Receive()
			require.ErrorIs(t, err, link.ErrProtocol)
		})
	}
}

// It counts what this process allocates, so no other test runs meanwhile.
func TestClaimedSizeIsNotAllocated(t *testing.T) {
	conn, peer := half(t)
	_, err := peer.Write(append(header(link.MaxPayload, 1, 2, 0, 0), "and no more"...))
	require.NoError(t, err)
	require.NoError(t, peer.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = conn.Receive()
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}
