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
		`[18446744073709551616, -0.5]`: `[18446744073709552000,-0.5]`,
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
	for _, text := range []string{"1e999", "[1e999]"} {
		err := jsonvalue.Encode(msgpack.NewEncoder(&bytes.Buffer{}), []byte(text))
		require.EqualError(t, err, "the number 1e999 is out of range")
	}
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
