package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestTruncatedAtEveryByte(t *testing.T) {
	t.Parallel()
	for kind, message := range messages() {
		require.NoError(t, decoders[kind](message), kind)
		for n := range message {
			require.ErrorIs(t, decoders[kind](message[:n]), codec.ErrMalformed, "%s cut to %d bytes", kind, n)
		}
		require.ErrorIs(t, decoders[kind](append(message, 0)), codec.ErrMalformed, "%s with a byte too many", kind)
	}
}

func TestEveryByteChanged(t *testing.T) {
	t.Parallel()
	for kind, message := range messages() {
		for at := range message {
			changed := append([]byte(nil), message...)
			for b := range 256 {
				changed[at] = byte(b)
				if err := decoders[kind](changed); err != nil && !isCodecError(err) {
					t.Fatalf("%s with byte %d set to %#x: %v", kind, at, b, err)
				}
			}
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	t.Parallel()
	for kind, decode := range decoders {
		for _, version := range []any{0, 2, int64(1 << 40)} {
			require.ErrorIs(t, decode(pack(t, version, "of", "another", "shape")), codec.ErrVersion, kind)
		}
		require.ErrorIs(t, decode(pack(t, "one", 1)), codec.ErrMalformed, kind)
		require.ErrorIs(t, decode(pack(t, -1, 1)), codec.ErrMalformed, kind)
	}
}

func TestKindOfAnotherMessage(t *testing.T) {
	t.Parallel()
	for kind, decode := range decoders {
		for other, message := range messages() {
			if kind != other {
				require.ErrorIs(t, decode(message), codec.ErrMalformed, "%s read as %s", other, kind)
			}
		}
	}
}

func TestExtraElementsAreSkipped(t *testing.T) {
	t.Parallel()
	extra := pack(t, map[string]any{"a": []any{nil, 1.5, "x", []byte{1}}}, int64(-70000), float32(1))[1:]
	for kind, message := range messages() {
		longer := append([]byte(nil), message...)
		longer[0] += 3 // the envelope is a short array
		require.NoError(t, decoders[kind](append(longer, extra...)), kind)

		longer[0]++ // one more than there is
		require.ErrorIs(t, decoders[kind](append(longer, extra...)), codec.ErrMalformed, kind)
	}
}

func TestTooFewElements(t *testing.T) {
	t.Parallel()
	for kind, message := range messages() {
		// The array says less than what stands behind it, however well that reads.
		for message[0]&0xf > 0 {
			message[0]--
			require.ErrorIs(t, decoders[kind](message), codec.ErrMalformed, "%s of %d elements", kind, message[0]&0xf)
		}
	}
}

func TestNestingOfExtraElements(t *testing.T) {
	t.Parallel()
	message := codec.AppendReceipt(nil, 1)
	message[0]++
	deep := func(n int) []byte { return append(append([]byte(nil), message...), nested(n)...) }
	_, err := codec.ReadReceipt(deep(codec.MaxDepth))
	require.NoError(t, err)
	for _, n := range []int{codec.MaxDepth + 1, 1_000_000} {
		_, err = codec.ReadReceipt(deep(n))
		require.ErrorIs(t, err, codec.ErrMalformed)
	}
}

// Whatever length a message claims, nothing is allocated for it.
func TestAbsurdLengths(t *testing.T) {
	absurd := [][]byte{
		{0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdc, 0xff, 0xff}, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdf, 0x7f, 0xff, 0xff, 0xff},
		{0xdb, 0xff, 0xff, 0xff, 0xff}, {0xc6, 0xff, 0xff, 0xff, 0xff}, {0xc9, 0xff, 0xff, 0xff, 0xff, 1}, {0xdb, 0x80, 0, 0, 0},
	}
	for kind, message := range messages() {
		for at := range message {
			for _, head := range absurd {
				hostile := append(append([]byte(nil), message[:at]...), head...)
				var err error
				n := allocated(func() { err = decoders[kind](hostile) })
				if err != nil { // within a key it makes an unknown option
					require.ErrorIs(t, err, codec.ErrMalformed, "%s with %x at %d", kind, head, at)
				}
				require.Less(t, n, uint64(64<<10), "%s with %x at %d", kind, head, at)
			}
		}
	}
}
