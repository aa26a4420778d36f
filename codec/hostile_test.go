package codec_test

import (
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

// wide is a large element for its few bytes on the wire.
type wide struct {
	A [64]uint64
	B string
}

type interned struct {
	S []internedString
}

type internedString struct {
	S string `msgpack:",intern"`
}

// valueTypes decodes into types of every sort.
var valueTypes = map[string]func([]byte) error{
	"int":            decodeError[int],
	"uint8":          decodeError[uint8],
	"float32":        decodeError[float32],
	"string":         decodeError[string],
	"[]byte":         decodeError[[]byte],
	"[3]byte":        decodeError[[3]byte],
	"any":            decodeError[any],
	"[]any":          decodeError[[]any],
	"[]string":       decodeError[[]string],
	"[]wide":         decodeError[[]wide],
	"map of wide":    decodeError[map[string]wide],
	"map of any":     decodeError[map[string]any],
	"map of string":  decodeError[map[string]string],
	"map of ints":    decodeError[map[int]int],
	"map by any":     decodeError[map[any]any],
	"maps":           decodeError[[]map[string]map[string]any],
	"wide":           decodeError[wide],
	"*node":          decodeError[*node],
	"tree":           decodeError[tree],
	"embeds":         decodeError[embeds],
	"Shape":          decodeError[Shape],
	"odd":            decodeError[odd],
	"asArray":        decodeError[asArray],
	"time.Time":      decodeError[time.Time],
	"*big.Int":       decodeError[*big.Int],
	"RawMessage":     decodeError[msgpack.RawMessage],
	"error":          decodeError[error],
	"custom":         decodeError[custom],
	"interned":       decodeError[interned],
	"times and maps": decodeError[[]timesAndMaps],
}

func decodeError[T any](data []byte) error {
	_, err := codec.Value[T](data)
	return err
}

type timesAndMaps struct {
	At   time.Time
	Maps map[string]any
}

// Whatever length a value claims at whatever place, nothing is allocated for it.
func TestValueOfAbsurdLength(t *testing.T) {
	heads := [][]byte{
		{0xdc, 0xff, 0xff}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdd, 0x7f, 0xff, 0xff, 0xff}, // arrays
		{0xde, 0xff, 0xff}, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdf, 0x80, 0, 0, 0}, // maps
		{0xd9, 0xff}, {0xda, 0xff, 0xff}, {0xdb, 0xff, 0xff, 0xff, 0xff}, // strings
		{0xc4, 0xff}, {0xc5, 0xff, 0xff}, {0xc6, 0xff, 0xff, 0xff, 0xff}, // binary
		{0xc7, 0xff, 0xff}, {0xc8, 0xff, 0xff, 0xff}, {0xc9, 0xff, 0xff, 0xff, 0xff, 0xff}, // extensions
	}
	wrappings := []string{"", "\x91", "\x81\xa1A", "\x82\xa1A\x01\xa4Maps", "\x91\x81\xa1S", "\x91\x82\xa1B\xa0\xa1A"}
	for name, decode := range valueTypes {
		for _, head := range heads {
			for _, wrapping := range wrappings {
				for _, tail := range []string{"", "\xc0", "\xa1a\x01"} {
					data := []byte(wrapping + string(head) + tail)
					var err error
					n := allocated(func() { err = decode(data) })
					require.ErrorIs(t, err, codec.ErrDecode, "%s from %x", name, data)
					require.ErrorIs(t, err, codec.ErrMalformed, "%s from %x", name, data)
					require.Less(t, n, uint64(64<<10), "%s from %x", name, data)
				}
			}
		}
	}
}

// The library takes the payload of an extension for a map, unchecked.
func TestExtensionWhereAMapBelongs(t *testing.T) {
	payloads := []string{"\xdf\xff\xff\xff\xff\xff\xff\xff", "\xdf\x00\x0f\xff\xff\xa1a\x01", "\xde\xff\xff\xa1a\x01\xa1b"}
	for name, decode := range valueTypes {
		for _, payload := range payloads {
			for _, kind := range []byte{0xff, 13, 0x80, 1} {
				for _, extension := range []string{
					"\xd7" + string(kind) + payload,
					"\xc7\x08" + string([]byte{kind}) + payload,
					"\xc8\x00\x08" + string([]byte{kind}) + payload,
					"\xd6" + string([]byte{kind}) + payload[:4],
				} {
					for _, wrapping := range []string{"", "\x91", "\x91\x81\xa4Maps", "\x81\xa1a", "\x92\xd6\xff\xde\xff\xff\xff"} {
						data := []byte(wrapping + extension)
						var err error
						n := allocated(func() { err = decode(data) })
						require.Less(t, n, uint64(64<<10), "%s from %x: %v", name, data, err)
					}
				}
			}
		}
	}
}

// Times may well look like a map, beside real maps.
func TestTimesBesideMaps(t *testing.T) {
	t.Parallel()
	var want []timesAndMaps
	for nanos := range 1000 {
		at := time.Unix(0xdfffffff-int64(nanos)<<16, int64(nanos)*1_000_000)
		want = append(want, timesAndMaps{at, map[string]any{"at": at}})
	}
	same(t, want)
	same(t, []time.Time{time.Unix(0xdfffffff, 0), time.Unix(0xde000000, 0)})
	same[any](t, []any{time.Unix(0xdfffffff, 0)})
}

// What decodes allocates in proportion to its length, and to the type.
func TestAllocationIsProportional(t *testing.T) {
	const length = 1 << 12
	fill := func(head byte, element string) []byte {
		n := length / len(element)
		data := []byte{head, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
		for range n {
			data = append(data, element...)
		}
		return data
	}
	for name, decode := range valueTypes {
		bound := uint64(200 * length)
		if name == "[]wide" || name == "map of wide" {
			bound = 3 * 64 * 8 * length
		}
		for _, element := range []string{"\xc0", "\x80", "\x90", "\x01", "\xa0", "\xa1a", "\x91\xc0", "\x81\xa0\x80", "\xd6\xff\xdf\xff\xff\xff"} {
			n := allocated(func() { _ = decode(fill(0xdd, element)) })
			require.Less(t, n, bound, "%s from an array of %x", name, element)
			n = allocated(func() { _ = decode(fill(0xdf, "\xa0"+element)) })
			require.Less(t, n, bound, "%s from a map of %x", name, element)
		}
	}
	for kind, decode := range decoders {
		for _, element := range []string{"\x93\x00\xa0\xc4\x00", "\x94\x00\x00\x00\xc4\x00", "\x94\x00\x00\x01\xc4\x00", "\x94\x00\x00\x01\xc4\x01\x80", "\x01"} {
			message := messages()[kind]
			head := append(append([]byte(nil), message[:3]...), append([]byte{0xa1}, 'a')...)
			list := fill(0xdd, element)
			n := allocated(func() { _ = decode(append(head, list...)) })
			require.Less(t, n, uint64(200*length), "%s of %x", kind, element)
		}
	}
}

func TestValueTruncated(t *testing.T) {
	t.Parallel()
	data, err := codec.AppendValue(nil, map[string]any{"a": []any{1.5, "x", []byte{1}, time.Now(), -5}, "b": nil})
	require.NoError(t, err)
	for name, decode := range valueTypes {
		for n := range data {
			require.ErrorIs(t, decode(data[:n]), codec.ErrDecode, name)
		}
		require.ErrorIs(t, decode(append(data, 0xc0)), codec.ErrDecode, name)
		require.ErrorIs(t, decode([]byte{0xc1}), codec.ErrDecode, name)
	}
}

// Short inputs into every type: a value or an error, never a panic.
func TestShortValues(t *testing.T) {
	t.Parallel()
	for a := range 256 {
		for _, b := range []byte{0, 0x80, 0x91, 0xa0, 0xc0, 0xff} {
			for _, data := range [][]byte{{byte(a)}, {byte(a), b}, {0x91, byte(a), b}} {
				for name, decode := range valueTypes {
					if err := decode(data); err != nil && !errors.Is(err, codec.ErrDecode) {
						require.ErrorIs(t, err, codec.ErrDecode, "%s from %x", name, data)
					}
				}
			}
		}
	}
}

func TestInternedStrings(t *testing.T) {
	t.Parallel()
	var want interned
	for n := range 200 {
		want.S = append(want.S, internedString{fmt.Sprint("string ", n%150)})
	}
	same(t, want)
}
