package link_test

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

// received is what a stream without files holds, by a reader that has it whole.
func received(data []byte) (frames []link.Frame, end error) {
	for {
		switch {
		case len(data) == 0:
			return frames, io.EOF
		case len(data) < 8:
			return frames, io.ErrUnexpectedEOF
		}
		size := binary.BigEndian.Uint32(data)
		kind, version, files, rest := data[4], data[5], data[6], data[7]
		data = data[8:]
		switch {
		case version != 2 || files > 1 || rest != 0 || size > link.MaxPayload:
			return frames, link.ErrProtocol
		case size > uint32(len(data)):
			return frames, io.ErrUnexpectedEOF
		case files == 1:
			return frames, link.ErrProtocol
		}
		frames = append(frames, link.Frame{Kind: link.Kind(kind), Payload: data[:size]})
		data = data[size:]
	}
}

// allocated returns how many bytes this process has allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// FuzzReceive has a peer write the bytes.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{})
	f.Add(frame(1, nil))
	f.Add(append(frame(1, []byte("one")), frame(2, []byte("two"))...))
	f.Add(append(frame(1, random(1, 65_528)), frame(2, random(1, 65_529))...))
	f.Add(append(header(link.MaxPayload, 1, 2, 0, 0), "and no more"...))
	f.Add(append(header(3, 1, 1, 1, 0), "xyz"...))
	f.Add(header(0xffff_ffff, 1, 2, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, peer := sockets(t)
		c := newConn(t, x)
		want, end := received(data)
		go func() {
			_, _ = peer.Write(data)
			_ = peer.Close()
		}()
		before := allocated()
		for i := range want {
			got, err := c.Receive()
			require.NoError(t, err)
			if got.Kind != want[i].Kind || got.File != nil || string(got.Payload) != string(want[i].Payload) {
				t.Fatalf("frame %d came as kind %d, %d bytes", i, got.Kind, len(got.Payload))
			}
		}
		_, err := c.Receive()
		if err != end && !(end == link.ErrProtocol && errors.Is(err, end)) {
			t.Fatalf("%v instead of %v", err, end)
		}
		require.Less(t, allocated()-before, uint64(4<<20+4*len(data)))
	})
}

// Whatever reads is written again, and reads back equal.
func FuzzOutcomes(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendAll(nil, 1, at, nil))
	f.Add(appendAll(nil, 1, at, []link.Outcome{
		{Status: link.StatusObject, Started: at.Add(time.Hour), Run: time.Hour, Body: []byte("object")},
		{Status: link.StatusValue, Started: at},
	}))
	f.Add(append(appendAll(nil, 1, at, nil), 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, first, err := outcomes(data)
		if err != nil {
			require.ErrorIs(t, err, link.ErrProtocol)
			if len(data) < 16 {
				return
			}
		}
		base := time.Unix(0, int64(binary.BigEndian.Uint64(data[8:])))
		again, second, err := outcomes(appendAll(nil, run, base, first))
		require.NoError(t, err)
		require.Equal(t, run, again)
		require.Equal(t, first, second)
	})
}

// Whatever reads is written again, and reads back equal.
func FuzzValue(f *testing.F) {
	f.Add([]byte{})
	f.Add(link.AppendValue(nil, &link.Value{Task: 1, Run: 2, Index: 3, Size: 4, Text: "text", Code: "code"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := link.ReadValue(data)
		if err != nil {
			require.ErrorIs(t, err, link.ErrProtocol)
			return
		}
		second, err := link.ReadValue(link.AppendValue(nil, &first))
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}
