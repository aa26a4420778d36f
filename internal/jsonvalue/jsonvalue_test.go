package jsonvalue_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/internal/jsonvalue"
)

// What JSON can say comes back as it was, but for spaces and the order of keys.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"null": "null", "true": "true", " -5 ": "-5", "18446744073709551615": "18446744073709551615",
		"-9223372036854775808": "-9223372036854775808", "1e3": "1000", "0.1": "0.1",
		`"a<\u00e9\n"`:                 `"a<é\n"`,
		` {"b": [1, "x"], "a": {} }`:   `{"a":{},"b":[1,"x"]}`,
		`[18446744073709551615, -0.5]`: `[18446744073709551615,-0.5]`,
		"-0":                           "0", "-0.0": "-0.0", "1E5": "100000", "7.0": "7", "1.10": "1.1",
		"9007199254740993": "9007199254740993", "1.8446744073709552e19": "1.8446744073709552e+19",
		"1e25": "1e+25", "0e999": "0", "3.14159265358979323846": "3.141592653589793",
		`"\ud83d\udc18 \\ud800 \u00e9"`: `"🐘 \\ud800 é"`, `{"a:\":b": {"a": ":"}}`: `{"a:\":b":{"a":":"}}`,
	} {
		require.True(t, jsonvalue.Valid([]byte(text)), text)
		var value bytes.Buffer
		require.NoError(t, jsonvalue.Encode(msgpack.NewEncoder(&value), []byte(text)), text)
		got, err := jsonvalue.Append([]byte("before "), value.Bytes())
		require.NoError(t, err)
		require.Equal(t, "before "+want, string(got))
	}
}

func TestNotJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "05", "5 6", "hello", "[1", "\"\xff\"", "NaN"} {
		require.False(t, jsonvalue.Valid([]byte(text)), text)
	}
}

// What MessagePack has no room for, and what package json would change without a
// word, is refused.
func TestNumberIsExactOrRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1e999":                               "the number 1e999 is out of range",
		"[-1e999]":                            "the number -1e999 is out of range",
		"1e-400":                              "the number 1e-400 is out of range",
		"18446744073709551616":                "the integer 18446744073709551616 needs more than 64 bits; write it as a string, in quotes",
		"-9223372036854775809":                "the integer -9223372036854775809 needs more than 64 bits; write it as a string, in quotes",
		"123456789012345678901234":            "the integer 123456789012345678901234 needs more than 64 bits; write it as a string, in quotes",
		`{"a": [15511210043330985984000000]}`: "the integer 15511210043330985984000000 needs more than 64 bits; write it as a string, in quotes",
		`{"a": 1, "b": {}, "a": 1}`:           "an object has two equal keys",
		`[{"a": 1, "\u0061": 1}]`:             "an object has two equal keys",
		`"\ud800"`:                            "\\ud800 is half of a surrogate pair, and no character",
		`["\ud800x", 1]`:                      "\\ud800 is half of a surrogate pair, and no character",
		`"\uDC18\ud83d"`:                      "\\uDC18 is half of a surrogate pair, and no character",
		`"\ud83d\n00000"`:                     "\\ud83d is half of a surrogate pair, and no character",
		`{"\udfff": 1}`:                       "\\udfff is half of a surrogate pair, and no character",
	} {
		require.True(t, jsonvalue.Valid([]byte(text)), text)
		err := jsonvalue.Encode(msgpack.NewEncoder(&bytes.Buffer{}), []byte(text))
		require.EqualError(t, err, want, text)
	}
}

// FuzzThereAndBack checks that what is encoded prints as JSON that encodes to the
// same, but for whole floats, which print as integers.
func FuzzThereAndBack(f *testing.F) {
	for _, text := range []string{`{"a": [1, -2.5, "x\ud83d\udc18"], "b": null}`, "1e25", "18446744073709551615", `"\ud800"`, `{"a":1,"a":2}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		var first, second bytes.Buffer
		if !jsonvalue.Valid(text) || jsonvalue.Encode(msgpack.NewEncoder(&first), text) != nil {
			return
		}
		printed, err := jsonvalue.Append(nil, first.Bytes())
		require.NoError(t, err)
		require.True(t, jsonvalue.Valid(printed), "%s", printed)
		require.NoError(t, jsonvalue.Encode(msgpack.NewEncoder(&second), printed))
		again, err := jsonvalue.Append(nil, second.Bytes())
		require.NoError(t, err)
		require.Equal(t, string(printed), string(again))
	})
}

func TestWhatJSONHasNot(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		`"NaN"`: math.NaN(), `"/wA="`: []byte("\xff\x00"), `{"3":1}`: map[int]int{3: 1},
	} {
		encoded, err := msgpack.Marshal(value)
		require.NoError(t, err)
		got, err := jsonvalue.Append(nil, encoded)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	got, err := jsonvalue.Append(nil, nil)
	require.NoError(t, err)
	require.Equal(t, "null", string(got))
}
