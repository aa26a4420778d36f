package codec_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// meaningOfValue returns a value in a notation that keeps types apart, and numbers
// whole, in any language's JSON.
func meaningOfValue(v any) any {
	switch v := v.(type) {
	case nil:
		return map[string]any{"nil": true}
	case bool:
		return map[string]any{"bool": v}
	case []byte:
		return map[string]any{"bin": hex.EncodeToString(v)}
	case time.Time:
		return map[string]any{"time": v.UTC().Format(time.RFC3339Nano)}
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return map[string]any{"int": strconv.FormatInt(r.Int(), 10)}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		return map[string]any{"int": strconv.FormatUint(r.Uint(), 10)}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"float": strconv.FormatFloat(r.Float(), 'g', -1, 64)}
	case reflect.String:
		return map[string]any{"str": r.String()}
	case reflect.Slice:
		list := []any{}
		for i := range r.Len() {
			list = append(list, meaningOfValue(r.Index(i).Interface()))
		}
		return map[string]any{"array": list}
	case reflect.Map:
		pairs := []any{}
		for _, key := range r.MapKeys() { // of one key, so that there is one order
			pairs = append(pairs, []any{meaningOfValue(key.Interface()), meaningOfValue(r.MapIndex(key).Interface())})
		}
		return map[string]any{"map": pairs}
	case reflect.Struct:
		pairs := []any{}
		for i := range r.NumField() {
			pairs = append(pairs, []any{meaningOfValue(r.Type().Field(i).Name), meaningOfValue(r.Field(i).Interface())})
		}
		return map[string]any{"map": pairs}
	}
	panic("a type without notation: " + r.Type().String())
}

// readValue reads a value into the type of v.
func readValue[T any](data []byte) (any, error) {
	v, err := codec.Value[T](data)
	return meaningOfValue(v), err
}

func value[T any](t *testing.T, name string, v T) vector {
	data, err := codec.AppendValue(nil, v)
	require.NoError(t, err)
	return written(name, data, meaningOfValue(v), readValue[T])
}

// order has what a struct of a handler's may have.
type order struct {
	Name  string
	Count int
	Price float64
	Paid  bool
	Tags  []string
	Raw   []byte
	Due   time.Time
}

func valueVectors(t *testing.T) (all []vector) {
	all = append(all, value[any](t, "nil", nil), value(t, "true", true), value(t, "false", false))
	for _, n := range []int64{
		0, 1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<53 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64,
	} {
		all = append(all, value(t, "int "+strconv.FormatInt(n, 10), n))
	}
	all = append(all, value(t, "int 9223372036854775808", uint64(1<<63)), value(t, "int 18446744073709551615", uint64(math.MaxUint64)))
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, 1.5, -0.1, math.Pi, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, math.Inf(1), math.Inf(-1),
	} {
		all = append(all, value(t, "float "+strconv.FormatFloat(f, 'g', -1, 64), f))
	}
	nan := meaningOfValue(math.NaN())
	all = append(all, // each language writes its own bits
		readable("float NaN", []byte{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1}, nan, readValue[float64]),
		readable("float NaN of other bits", []byte{0xcb, 0xff, 0xf8, 0, 0, 0, 0, 0, 0}, nan, readValue[float64]))
	for _, n := range []int{0, 1, 31, 32, 255, 256} {
		all = append(all, value(t, "str of "+strconv.Itoa(n), strings.Repeat("s", n)))
		all = append(all, value(t, "bin of "+strconv.Itoa(n), bytes.Repeat([]byte{0xff}, n)))
	}
	all = append(all, value(t, "str of several scripts", "naïve 日本語 🐘\x00"))
	for _, n := range []int{0, 1, 15, 16, 256} {
		all = append(all, value(t, "array of "+strconv.Itoa(n), make([]bool, n)))
	}
	for _, text := range []string{
		"1970-01-01T00:00:00Z", "2030-03-17T17:46:40Z", "2106-02-07T06:28:15Z", "2106-02-07T06:28:16Z",
		"2030-03-17T17:46:40.123456789Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999Z",
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		all = append(all, value(t, "time "+text, at))
	}
	due := time.Unix(1_900_000_000, 0)
	all = append(all,
		value(t, "map of str", map[string]int64{"a": 1}),
		value(t, "map of int", map[int64]string{-1: "minus"}),
		value(t, "empty map", map[string]bool{}),
		value(t, "struct", order{"tea", 3, 2.5, true, []string{"hot"}, []byte{0}, due}),
		value(t, "array of arrays", [][]int64{{1, 2}, {}, {3}}),
		written("nested 128 deep", nested(128), nestedMeaning(128), func(data []byte) (any, error) {
			_, err := codec.Value[any](data)
			return nestedMeaning(128), err
		}),
		readable("int in nine bytes", []byte{0xd3, 0, 0, 0, 0, 0, 0, 0, 1}, meaningOfValue(1), readValue[int64]),
		readable("float in five bytes", []byte{0xca, 0x3f, 0xc0, 0, 0}, meaningOfValue(1.5), readValue[float64]),
		readable("str with a length of two bytes", []byte{0xda, 0, 1, 's'}, meaningOfValue("s"), readValue[string]),
		readable("str with a length of four bytes", []byte{0xdb, 0, 0, 0, 1, 's'}, meaningOfValue("s"), readValue[string]),
		readable("bin with a length of four bytes", []byte{0xc6, 0, 0, 0, 1, 7}, meaningOfValue([]byte{7}), readValue[[]byte]),
		readable("array with a length of four bytes", []byte{0xdd, 0, 0, 0, 1, 0xc3}, meaningOfValue([]bool{true}), readValue[[]bool]),
		readable("map with a length of two bytes", []byte{0xde, 0, 0}, meaningOfValue(map[string]bool{}), readValue[map[string]bool]),
		readable("map with a length of four bytes", []byte{0xdf, 0, 0, 0, 0}, meaningOfValue(map[string]bool{}), readValue[map[string]bool]))
	refuse := func(name, why string, data ...byte) {
		v := refusable(name, data, why, readValue[any])
		v.Error = "value"
		all = append(all, v)
	}
	refuse("nothing", "no byte")
	refuse("two values", "a byte after the end", 0xc0, 0xc0)
	refuse("the byte c1", "MessagePack does not use it", 0xc1)
	refuse("truncated int", "two bytes of four", 0xce, 0, 0)
	refuse("truncated str", "two bytes of three", 0xa3, 'a', 'b')
	refuse("truncated map", "a key without value", 0x81, 0xa1, 'a')
	refuse("endless array", "4,294,967,295 elements in five bytes", 0xdd, 0xff, 0xff, 0xff, 0xff)
	refuse("endless bin", "4,294,967,295 bytes in five", 0xc6, 0xff, 0xff, 0xff, 0xff)
	refuse("nested 129 deep", "at most 128 arrays and maps", nested(129)...)
	return all
}

// nestedMeaning is what nested means.
func nestedMeaning(depth int) any {
	v := meaningOfValue(nil)
	for range depth {
		v = map[string]any{"array": []any{v}}
	}
	return v
}
