package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/musterfleet/muster/internal/jsonvalue"
)

// result is a result as encoded, since only so can any result be shown as it is:
// with its keys in order, and bytes apart from text.
type result = msgpack.RawMessage

// makeLine makes of a result what appendLine does. Of a string it takes the space,
// since that may be large and the result is of no other use.
func makeLine(r result) ([]byte, error) {
	if text, ok := textOf(r); ok {
		return append(r[:copy(r, text)], '\n'), nil
	}
	return appendLine(make([]byte, 0, len(r)+1), r)
}

// textOf returns the bytes of a result that is a string. It reports false for all
// else, and for a string that is not whole.
func textOf(r result) (text []byte, ok bool) {
	if len(r) == 0 || !msgpcode.IsString(r[0]) {
		return nil, false
	}
	width := 0 // of the length
	switch r[0] {
	case msgpcode.Str8:
		width = 1
	case msgpcode.Str16:
		width = 2
	case msgpcode.Str32:
		width = 4
	}
	if len(r) < 1+width {
		return nil, false
	}
	length := uint64(r[0] & msgpcode.FixedStrMask)
	if width > 0 {
		var wide [8]byte
		copy(wide[8-width:], r[1:])
		length = binary.BigEndian.Uint64(wide[:])
	}
	text = r[1+width:]
	return text, uint64(len(text)) == length
}

// printLine prints a result as appendLine has it, without a copy of a string.
func printLine(w io.Writer, r result) error {
	line, err := makeLine(r)
	if err == nil {
		_, err = w.Write(line)
	}
	return err
}

// appendLine appends a result and a newline: a string as it is, any other as
// JSON, as package jsonvalue has it.
func appendLine(dst []byte, r result) ([]byte, error) {
	var err error
	if text, ok := textOf(r); ok {
		dst = append(dst, text...)
	} else {
		dst, err = jsonvalue.Append(dst, r)
	}
	if err != nil {
		return nil, fmt.Errorf("the result does not read: %w", err)
	}
	return append(dst, '\n'), nil
}
