package codec_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

// album is a value most of which is bytes and text.
type album struct {
	Name   string
	Front  []byte
	Pages  [][]byte
	Notes  map[string]any
	Raw    msgpack.RawMessage
	Custom custom
}

func newAlbum() album {
	long := strings.Repeat("long", 50_000)
	return album{
		Name: long, Front: []byte(long), Pages: [][]byte{{1}, nil, []byte(long), {}},
		Notes: map[string]any{long: "short", "short": long},
		Raw:   msgpack.RawMessage("\xa3raw"), Custom: custom{"custom"},
	}
}

func TestEncodeResultIsAppendResult(t *testing.T) {
	t.Parallel()
	check := func(name string, encode func(dst []byte) (codec.Encoded, error), plain []byte, shared bool) {
		encoded, err := encode([]byte("before"))
		require.NoError(t, err, name)
		require.Equal(t, len(plain), encoded.Len(), name)
		require.Equal(t, plain, encoded.Bytes(), name)
		for range 2 {
			var out bytes.Buffer
			n, err := encoded.WriteTo(&out)
			require.NoError(t, err)
			require.EqualValues(t, len(plain), n)
			require.Equal(t, plain, out.Bytes(), name)
		}
		pieces := 0
		_, _ = encoded.WriteTo(writerFunc(func(p []byte) (int, error) {
			pieces++
			return len(p), nil
		}))
		require.Equal(t, shared, pieces > 1, name)
	}
	checkValue(t, check, 5, false)
	checkValue(t, check, "short", false)
	checkValue(t, check, strings.Repeat("long", 50_000), true)
	checkValue(t, check, []byte(nil), false)
	checkValue(t, check, make([]byte, 1<<16-1), false)
	checkValue(t, check, make([]byte, 1<<16), true)
	checkValue(t, check, [1 << 17]byte{7}, false)
	checkValue(t, check, any(make([]byte, 1<<20)), true)
	checkValue(t, check, errors.New(strings.Repeat("long", 50_000)), true)
	checkValue(t, check, map[string]int{strings.Repeat("long", 50_000): 1}, false)
	checkValue(t, check, &[]any{strings.Repeat("long", 50_000), 1, make([]byte, 1<<18)}, true)
	a := newAlbum()
	delete(a.Notes, "short") // a map with one key has an order
	checkValue(t, check, a, false)
	checkValue(t, check, []album{{Name: a.Name, Raw: a.Raw}}, false)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func checkValue[T any](t *testing.T, check func(string, func([]byte) (codec.Encoded, error), []byte, bool), v T, shared bool) {
	t.Helper()
	for name, f := range map[string]codec.Func[T, T]{
		"plain":  codec.NewFunc[T, T]("f"),
		"signed": codec.NewFunc[T, T]("f", codec.WithSignature(codec.NewKey("key"))),
	} {
		plain, err := f.AppendResult(nil, v)
		require.NoError(t, err)
		check(name, func(dst []byte) (codec.Encoded, error) { return f.EncodeResult(dst, v) }, plain, shared && name == "plain")
	}
	_, err := codec.NewFunc[T, func()]("f").EncodeResult(nil, nil)
	require.ErrorIs(t, err, codec.ErrEncode)
}

func TestWriteToReturnsTheWritersError(t *testing.T) {
	t.Parallel()
	encoded, err := codec.NewFunc[int, [][]byte]("f").EncodeResult(nil, [][]byte{make([]byte, 1<<16), make([]byte, 1<<16)})
	require.NoError(t, err)
	for room := range encoded.Len() / 1000 {
		n, err := encoded.WriteTo(&full{room * 1000})
		require.ErrorIs(t, err, io.ErrShortWrite)
		require.EqualValues(t, room*1000, n)
	}
}

// full is a writer with room for so many bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestTakeArgIsArg(t *testing.T) {
	t.Parallel()
	a := newAlbum()
	for name, f := range map[string]codec.Func[album, int]{
		"plain":     codec.NewFunc[album, int]("f"),
		"encrypted": codec.NewFunc[album, int]("f", codec.WithEncryption(codec.NewKey("key"))),
	} {
		data, err := f.AppendArg(nil, a)
		require.NoError(t, err)
		want, err := f.Arg(bytes.Clone(data))
		require.NoError(t, err)
		got, err := f.TakeArg(data)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
		for i := range 10 { // what it refers to is its own
			got.Front = append(got.Front, byte(i))
			got.Pages[2] = append(got.Pages[2], byte(i))
		}
		require.Equal(t, want.Notes, got.Notes)
		require.Equal(t, want.Custom, got.Custom)
	}
	_, err := codec.NewFunc[album, int]("f").TakeArg([]byte{0xc1})
	require.ErrorIs(t, err, codec.ErrDecode)
}

// What is long is in memory once.
func TestLongValuesAreNotCopied(t *testing.T) {
	f := codec.NewFunc[[]byte, []byte]("f")
	value := make([]byte, 16<<20)
	data, err := f.AppendArg(nil, value)
	require.NoError(t, err)
	strings := codec.NewFunc[string, string]("f")
	text := string(value)
	for name, do := range map[string]func() error{
		"bytes taken":    func() error { _, err := f.TakeArg(data); return err },
		"bytes encoded":  func() error { _, err := f.EncodeResult(nil, value); return err },
		"string taken":   func() error { _, err := strings.TakeArg(data); return err },
		"string encoded": func() error { _, err := strings.EncodeResult(nil, text); return err },
	} {
		var err error
		require.Less(t, allocated(func() { err = do() }), uint64(1<<20), name)
		require.NoError(t, err, name)
	}
}
