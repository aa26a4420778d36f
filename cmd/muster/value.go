package main

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

// result is a result as encoded, since only so can any result be shown as it is:
// with its keys in order, and bytes apart from text.
type result = msgpack.RawMessage

// appendLine appends a result and a newline: a string as it is, any other as
// JSON, as package jsonvalue has it.
func appendLine(dst []byte, r result) ([]byte, error) {
	var err error
	if len(r) > 0 && msgpcode.IsString(r[0]) { // an empty one is how a nil decodes
		var s string
		s, err = codec.Value[string](r)
		dst = append(dst, s...)
	} else {
		dst, err = jsonvalue.Append(dst, r)
	}
	if err != nil {
		return nil, fmt.Errorf("the result does not read: %w", err)
	}
	return append(dst, '\n'), nil
}
