package main

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

// item is an argument as the user wrote it. It becomes MessagePack where the
// client encodes it.
type item struct {
	text []byte
	raw  bool  // a string, whatever it looks like
	err  error // why it could not be read
}

// itemError says what is wrong with an item. It is all that the user needs to
// see of the client's error.
type itemError struct{ text string }

func (e *itemError) Error() string { return e.text }

// plain leaves out of an error what only a programmer can use.
func plain(err error) error {
	if bad, ok := errors.AsType[*itemError](err); ok {
		return bad
	}
	return err
}

// EncodeMsgpack encodes JSON as what it means, and anything else as a string.
func (i item) EncodeMsgpack(e *msgpack.Encoder) error {
	switch {
	case i.err != nil:
		return i.err
	case i.raw || !isJSON(i.text):
		return e.EncodeString(string(i.text))
	case i.text[0] == '-' || i.text[0] >= '0' && i.text[0] <= '9':
		return encodeNumber(e, strings.TrimRight(string(i.text), " \t\r\n"))
	}
	numbers := json.NewDecoder(bytes.NewReader(i.text))
	numbers.UseNumber()
	var v any
	if err := numbers.Decode(&v); err != nil {
		return &itemError{err.Error()}
	}
	return encodeJSON(e, v)
}

// isJSON reports whether text is one JSON value. JSON is UTF-8 by definition.
func isJSON(text []byte) bool { return json.Valid(text) && utf8.Valid(text) }

// encodeJSON encodes what package json decodes with UseNumber. Keys are sorted,
// so that equal arguments have equal bytes.
func encodeJSON(e *msgpack.Encoder, v any) error {
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
			if err := encodeJSON(e, element); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := e.EncodeMapLen(len(v)); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := errors.Join(e.EncodeString(key), encodeJSON(e, v[key])); err != nil {
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
		return &itemError{fmt.Sprintf("the number %.60s is out of range", text)}
	}
	return e.EncodeFloat64(f)
}
