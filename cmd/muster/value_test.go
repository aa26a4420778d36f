package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestItem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"":                        "",
		"hello":                   "hello",
		`"hello"`:                 "hello",
		"null":                    nil,
		" true ":                  true,
		"0":                       int64(0),
		"-5\r":                    int64(-5),
		"9223372036854775807":     int64(math.MaxInt64),
		"9223372036854775808":     uint64(1 << 63),
		"18446744073709551615":    uint64(math.MaxUint64),
		"-9223372036854775808":    int64(math.MinInt64),
		"18446744073709551616.0":  float64(1 << 64),
		"1.0":                     1.0,
		"1e3":                     1000.0,
		"05":                      "05",
		"5 6":                     "5 6",
		"[1":                      "[1",
		"\"\xff\"":                "\"\xff\"",
		`{"b":[1,"x"],"a":{}}`:    map[string]any{"b": []any{int64(1), "x"}, "a": map[string]any{}},
		`[18446744073709551615]`:  []any{uint64(math.MaxUint64)},
		strings.Repeat("[", 2000): strings.Repeat("[", 2000),
	} {
		data, err := codec.AppendValue(nil, item{text: []byte(text)})
		require.NoError(t, err, text)
		got, err := codec.Value[any](data)
		require.NoError(t, err, text)
		if n, ok := want.(int64); ok {
			require.EqualValues(t, n, got, text) // how numbers decode is the codec's
		} else {
			require.Equal(t, want, got, text)
		}

		data, err = codec.AppendValue(nil, item{text: []byte(text), raw: true})
		require.NoError(t, err)
		raw, err := codec.Value[string](data)
		require.NoError(t, err)
		require.Equal(t, text, raw)
	}
}

func TestItemErrors(t *testing.T) {
	t.Parallel()
	bad := &itemError{"too long"}
	_, err := codec.AppendValue(nil, item{err: bad})
	require.Equal(t, bad, plain(err))
	_, err = codec.AppendValue(nil, item{text: []byte("18446744073709551616")})
	require.EqualError(t, plain(err), "the integer 18446744073709551616 needs more than 64 bits; write it as a string, in quotes")
	for _, text := range []string{"1e999", "[1e999]", `{"a":-1e999}`} {
		_, err = codec.AppendValue(nil, item{text: []byte(text)})
		require.ErrorContains(t, plain(err), "1e999 is out of range")
		require.NotContains(t, plain(err).Error(), "codec")
	}
	_, err = codec.AppendValue(nil, item{text: []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000))})
	require.ErrorIs(t, err, codec.ErrEncode)
	other := errors.New("other")
	require.Equal(t, other, plain(other))
}

func TestAppendLine(t *testing.T) {
	t.Parallel()
	encode := func(values ...any) []byte {
		var out bytes.Buffer
		require.NoError(t, msgpack.NewEncoder(&out).EncodeMulti(values...))
		return out.Bytes()
	}
	for _, test := range []struct {
		encoded []byte
		want    string
	}{
		{nil, "null"},
		{encode(nil), "null"},
		{encode(false), "false"},
		{encode(uint64(math.MaxUint64)), "18446744073709551615"},
		{encode(int64(math.MinInt64)), "-9223372036854775808"},
		{encode(-1), "-1"}, {encode(200), "200"}, {encode(70_000), "70000"},
		{encode(float32(0.1)), "0.1"}, {encode(1e21), "1e+21"}, {encode(2.0), "2"},
		{encode(math.NaN()), `"NaN"`}, {encode(math.Inf(1)), `"Infinity"`}, {encode(float32(math.Inf(-1))), `"-Infinity"`},
		{encode("a\"<\n\xff"), "a\"<\n\xff"},
		{encode([]any{"a\"<\n\xff", nil}), `["a\"<\n\ufffd",null]`},
		{encode([]byte("\xff\x00")), `"/wA="`},
		{encode([]any{}), "[]"}, {encode(map[string]any{}), "{}"},
		{append([]byte{0x86}, encode("z", 1, "a", 2, 3, []int{4}, true, nil, nil, "x", []byte{1}, 2.5)...),
			`{"z":1,"a":2,"3":[4],"true":null,"null":"x","AQ==":2.5}`},
		{encode(time.Unix(1, 500).UTC()), `"1970-01-01T00:00:01.0000005Z"`},
		{[]byte{0xc7, 2, 5, 'h', 'i'}, `{"ext":5,"data":"aGk="}`},
		{[]byte{0xd4, 9, 1}, `{"ext":9,"data":"AQ=="}`},
	} {
		line, err := appendLine([]byte("before "), test.encoded)
		require.NoError(t, err, test.want)
		require.Equal(t, "before "+test.want+"\n", string(line))
	}
	for _, cut := range [][]byte{{0x91}, {0x81, 1}, {0xd9, 5, 'x'}, {0xc7, 9, 5, 'h'}, {0xd6, 0xff, 1}, {0xc1}} {
		_, err := appendLine(nil, cut)
		require.ErrorContains(t, err, "the result does not read", "%x", cut)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1 worker process", count(1, "worker process"))
	require.Equal(t, "1,000 worker processes", count(1000, "worker process"))
	require.Equal(t, "2 tasks", count(2, "task"))
	require.Equal(t, "12,345,678", thousands(12345678))
	require.Equal(t, "999", thousands(999))
}
