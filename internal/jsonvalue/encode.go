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
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// Valid reports whether text is one JSON value. JSON is UTF-8 by definition.
func Valid(text []byte) bool { return json.Valid(text) && utf8.Valid(text) }

// Encode encodes a JSON value, which is Valid, as MessagePack. An integer stays an
// integer; a number with a fraction or an exponent becomes the nearest float of 64
// bits, as most readers of JSON have it. The error says what would not arrive as it is
// written: an integer of more than 64 bits, a number too large or too small for a
// float, two equal keys in one object, or half a surrogate pair; or it is the
// encoder's.
func Encode(e *msgpack.Encoder, text []byte) error {
	if text[0] == '-' || text[0] >= '0' && text[0] <= '9' { // often, and quick
		return encodeNumber(e, strings.TrimRight(string(text), " \t\r\n"))
	}
	pairs, err := scan(text)
	if err != nil {
		return err
	}
	numbers := json.NewDecoder(bytes.NewReader(text))
	numbers.UseNumber()
	var v any
	if err := numbers.Decode(&v); err != nil {
		return err
	}
	if pairs != countPairs(v) {
		return errors.New("an object has two equal keys")
	}
	return encode(e, v)
}

// scan counts the pairs of key and value in a text, and checks that its escapes
// stand for characters: package json drops the former of two equal keys, and
// replaces half a surrogate pair.
func scan(text []byte) (pairs int, err error) {
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			inString = !inString
		case c == ':' && !inString:
			pairs++
		case c == '\\':
			if i++; text[i] != 'u' {
				continue
			}
			escape := text[i-1 : i+5]
			if i += 4; !utf16.IsSurrogate(escaped(escape)) {
				continue
			}
			rest := text[i+1:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' ||
				utf16.DecodeRune(escaped(escape), escaped(rest[:6])) == utf8.RuneError {
				return 0, fmt.Errorf("%s is half of a surrogate pair, and no character", escape)
			}
			i += 6
		}
	}
	return pairs, nil
}

// escaped returns what \uXXXX stands for.
func escaped(escape []byte) rune {
	r, _ := strconv.ParseUint(string(escape[2:]), 16, 16) // valid JSON has four digits there
	return rune(r)
}

func countPairs(v any) (pairs int) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			pairs += countPairs(element)
		}
	case map[string]any:
		pairs = len(v)
		for _, element := range v {
			pairs += countPairs(element)
		}
	}
	return pairs
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

func encodeNumber(e *msgpack.Encoder, text string) error {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return e.EncodeInt(n)
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return e.EncodeUint(n)
		}
		return fmt.Errorf("the integer %.60s needs more than 64 bits; write it as a string, in quotes", text)
	}
	f, err := strconv.ParseFloat(text, 64)
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	if err != nil || f == 0 && strings.ContainsAny(digits, "123456789") {
		return fmt.Errorf("the number %.60s is out of range", text)
	}
	return e.EncodeFloat64(f)
}
