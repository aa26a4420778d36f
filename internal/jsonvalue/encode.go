package jsonvalue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// Valid reports whether text is one JSON value. JSON is UTF-8 by definition.
func Valid(text []byte) bool { return json.Valid(text) && utf8.Valid(text) }

// Encode encodes a JSON value, which is Valid, as MessagePack. The error says
// which number MessagePack has no room for, or is the encoder's.
func Encode(e *msgpack.Encoder, text []byte) error {
	if text[0] == '-' || text[0] >= '0' && text[0] <= '9' { // often, and quick
		return encodeNumber(e, strings.TrimRight(string(text), " \t\r\n"))
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	var v any
	if err := numbers.Decode(&v); err != nil {
		return err
	}
	return encode(e, v)
}

// encode encodes what package json decodes with UseNumber. Keys are sorted,
// so that equal arguments have equal bytes.
func encode(e *msgpack.Encoder, v any) error {
	switch v := v.(type) {
	case nil:
		return e.EncodeNil()
	case bool:
		return e.EncodeBool(v)
	case string:
		return e.EncodeString(v)
	case json.Number:
		return encodeNumber(e, v.String())
	case []any:
		if err := e.EncodeArrayLen(len(v)); err != nil {
			return err
		}
		for _, element := range v {
			if err := encode(e, element); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := e.EncodeMapLen(len(v)); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := errors.Join(e.EncodeString(key), encode(e, v[key])); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("JSON as a %T", v)
	}
	return nil
}

// encodeNumber keeps integers exact as far as MessagePack has them.
func encodeNumber(e *msgpack.Encoder, text string) error {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return e.EncodeInt(n)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return e.EncodeUint(n)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("the number %.60s is out of range", text)
	}
	return e.EncodeFloat64(f)
}
