package codec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

// custom is a type that encodes and decodes itself as its functions say.
type custom struct{ what string }

var errCustom = errors.New("custom")

func (c custom) EncodeMsgpack(e *msgpack.Encoder) error {
	switch c.what {
	case "fails":
		_ = e.EncodeString("half")
		return errCustom
	case "panics":
		panic(errCustom)
	case "nothing":
		return nil
	case "twice":
		_ = e.EncodeNil()
		return e.EncodeNil()
	case "half":
		return e.EncodeArrayLen(1000)
	case "deep":
		for range codec.MaxDepth {
			_ = e.EncodeArrayLen(1)
		}
		return e.EncodeNil()
	case "deeper":
		for range codec.MaxDepth + 1 {
			_ = e.EncodeArrayLen(1)
		}
		return e.EncodeNil()
	}
	return e.EncodeString(c.what)
}

func (c *custom) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	if c.what, err = d.DecodeString(); err != nil {
		return err
	}
	switch c.what {
	case "decoding fails":
		return errCustom
	case "decoding panics":
		panic(errCustom)
	}
	return nil
}

// raw encodes as whatever bytes it holds.
type raw []byte

func (r raw) MarshalMsgpack() ([]byte, error) { return r, nil }

func TestCustomEncoders(t *testing.T) {
	t.Parallel()
	same(t, custom{"fine"})
	same(t, []custom{{"fine"}, {"too"}})
	for _, what := range []string{"fails", "panics", "nothing", "twice", "half", "deeper"} {
		dst := []byte("before")
		out, err := codec.AppendValue(dst, custom{what})
		require.ErrorIs(t, err, codec.ErrEncode, what)
		require.Equal(t, "before", string(out), what)
		out, err = codec.AppendValue(dst, map[string][]any{"a": {1, custom{what}}})
		require.ErrorIs(t, err, codec.ErrEncode, what)
		require.Equal(t, "before", string(out), what)
		same(t, custom{"fine"}) // whatever state the last encoder was left in
	}
	_, err := codec.AppendValue(nil, custom{"fails"})
	require.ErrorIs(t, err, errCustom)
	_, err = codec.AppendValue(nil, custom{"deep"})
	require.NoError(t, err)

	for _, r := range []raw{nil, {}, {0xc1}, {0x91}, {0xc0, 0xc0}, raw(nested(codec.MaxDepth + 1))} {
		_, err = codec.AppendValue(nil, []raw{r, r})
		if r != nil {
			require.ErrorIs(t, err, codec.ErrEncode, "%x", r)
		}
	}
}

func TestCustomDecoders(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"decoding fails", "decoding panics"} {
		data, err := codec.AppendValue(nil, []custom{{"fine"}, {what}})
		require.NoError(t, err)
		got, err := codec.Value[[]custom](data)
		require.ErrorIs(t, err, codec.ErrDecode)
		require.Nil(t, got)
		same(t, custom{"fine"})
	}
}

// A value that its reader would refuse for its depth is refused at once.
func TestDepthOfValues(t *testing.T) {
	t.Parallel()
	list := func(n int) (head *node) {
		for range n {
			head = &node{Next: head}
		}
		return head
	}
	same(t, list(codec.MaxDepth))
	_, err := codec.AppendValue(nil, list(codec.MaxDepth+1))
	require.ErrorIs(t, err, codec.ErrEncode)

	_, err = codec.Value[any](nested(codec.MaxDepth))
	require.NoError(t, err)
	_, err = codec.Value[any](nested(codec.MaxDepth + 1))
	require.ErrorIs(t, err, codec.ErrDecode)
	_, err = codec.Value[any]([]byte(strings.Repeat("\x91", 1<<20)))
	require.ErrorIs(t, err, codec.ErrDecode)
}
