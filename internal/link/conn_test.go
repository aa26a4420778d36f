package link_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

func TestLinkNeedsAUnixSocket(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	_, err := link.New(a)
	require.Error(t, err)
}

func TestFramesOfAllSizesComeInOrder(t *testing.T) {
	t.Parallel()
	const read = 64 << 10
	sizes := []int{
		0, 1, 7, 8, 9, 100, 0, 0, 4096,
		read - 9, read - 8, read - 7, read - 1, read, read + 1, read + 8, 2*read - 8, 2 * read,
		1<<20 - 1, 1 << 20, 1<<20 + 1, 2<<20 + 1, 5 << 20, 0, 3,
	}
	order := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		sizes = append(sizes, order.IntN(20_000))
	}
	a, b := pair(t)
	var all sync.WaitGroup
	for from, ends := range [][2]*link.Conn{{a, b}, {b, a}} {
		all.Go(func() {
			for i, size := range sizes {
				payload := random(from<<32|i, size)
				if err := ends[0].SendWait(link.Kind(i), nil, bytesOf(payload)); err != nil {
					t.Errorf("sending: %v", err)
					return
				}
			}
		})
	}
	received := func(c *link.Conn, from int) {
		for i, size := range sizes {
			requireFrame(t, c, link.Kind(i), random(from<<32|i, size))
		}
	}
	// One end does not read until the other has got all.
	received(b, 0)
	received(a, 1)
	all.Wait()
}

// However the bytes come, the frames are the same.
func TestFramesComeInPieces(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 30, 65_000, 70_000, 0, 65_528, 65_529, 12, 200_000, 5}
	var stream []byte
	for i, size := range sizes {
		stream = append(stream, frame(byte(i), random(i, size))...)
	}
	for _, most := range []int{100, 5000, 100_000} {
		c, peer := half(t)
		pieces := rand.New(rand.NewPCG(3, uint64(most)))
		var all sync.WaitGroup
		all.Go(func() {
			for rest := stream; len(rest) > 0; {
				n := min(len(rest), 1+pieces.IntN(most))
				if _, err := peer.Write(rest[:n]); err != nil {
					t.Errorf("writing: %v", err)
					return
				}
				rest = rest[n:]
			}
		})
		for i, size := range sizes {
			requireFrame(t, c, link.Kind(i), random(i, size))
		}
		all.Wait()
	}
}

func TestFramesOfConcurrentSendersComeWhole(t *testing.T) {
	t.Parallel()
	const senders, frames = 8, 150
	a, b := pair(t)
	var all sync.WaitGroup
	defer all.Wait()
	for at, c := range []*link.Conn{a, b} {
		for sender := range senders {
			sizes := rand.New(rand.NewPCG(uint64(at), uint64(sender)))
			all.Go(func() {
				for i := range frames {
					head := binary.BigEndian.AppendUint32(nil, uint32(i))
					payload := append(head, random(sender<<32|i, sizes.IntN(3000))...)
					send := c.Send
					if i%2 == 0 {
						send = c.SendWait
					}
					if err := send(link.Kind(sender), nil, bytesOf(payload)); err != nil {
						t.Errorf("sending: %v", err)
						return
					}
				}
			})
		}
	}
	for _, c := range []*link.Conn{a, b} {
		all.Go(func() {
			var next [senders]int
			for range senders * frames {
				f, err := c.Receive()
				if err != nil || len(f.Payload) < 4 || f.Kind >= senders || f.File != nil {
					t.Errorf("received %v of %d bytes: %v", f.Kind, len(f.Payload), err)
					return
				}
				i := int(binary.BigEndian.Uint32(f.Payload))
				if i != next[f.Kind] || string(f.Payload[4:]) != string(random(int(f.Kind)<<32|i, len(f.Payload)-4)) {
					t.Errorf("frame %d of sender %d came as its %d", i, f.Kind, next[f.Kind])
					return
				}
				next[f.Kind]++
			}
		})
	}
}

// A payload keeps its bytes until the next Receive, though more has come already.
func TestPayloadStaysUntilTheNextReceive(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	const frames = 3000
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		for i := range frames {
			if err := a.SendWait(1, nil, bytesOf(random(i, i%701))); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
		}
	})
	for i := range frames {
		f, err := b.Receive()
		require.NoError(t, err)
		want := random(i, i%701)
		if string(f.Payload) != string(want) {
			t.Fatalf("frame %d is another", i)
		}
		clear(f.Payload) // it is the caller's: nothing else is in it
	}
}
