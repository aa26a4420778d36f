package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// result is a result as encoded, since only so can any result be shown as it is:
// with its keys in order, and bytes apart from text.
type result = msgpack.RawMessage

// appendLine appends a result and a newline: a string as it is, any other as
// JSON. Bytes become a string in base64, as in package json; keys of maps become
// strings; numbers that JSON has not become "NaN", "Infinity" and "-Infinity".
func appendLine(dst []byte, r result) ([]byte, error) {
	if len(r) == 0 { // how a nil decodes
		return append(dst, "null\n"...), nil
	}
	d := msgpack.GetDecoder()
	defer msgpack.PutDecoder(d)
	d.Reset(bytes.NewReader(r))
	var err error
	if msgpcode.IsString(r[0]) {
		var s string
		s, err = d.DecodeString()
		dst = append(dst, s...)
	} else {
		dst, err = appendJSON(dst, d)
	}
	if err != nil {
		return nil, fmt.Errorf("the result does not read: %w", err)
	}
	return append(dst, '\n'), nil
}

// resultJSON gives a result as JSON, as in appendLine but for a string.
func resultJSON(r result) ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return appendJSON(nil, msgpack.NewDecoder(bytes.NewReader(r)))
}

// appendJSON appends the next value as JSON. How deep values nest was checked
// when they were decoded.
func appendJSON(dst []byte, d *msgpack.Decoder) ([]byte, error) {
	code, err := d.PeekCode()
	if err != nil {
		return nil, err
	}
	switch {
	case code == msgpcode.Nil:
		return append(dst, "null"...), d.DecodeNil()
	case code == msgpcode.Float:
		f, err := d.DecodeFloat32()
		if special := float64(f); math.IsNaN(special) || math.IsInf(special, 0) {
			return appendFloat(dst, special), err
		}
		return appendGo(dst, f), err
	case code == msgpcode.Double:
		f, err := d.DecodeFloat64()
		return appendFloat(dst, f), err
	case code == msgpcode.Uint64:
		n, err := d.DecodeUint64()
		return strconv.AppendUint(dst, n, 10), err
	case code == msgpcode.True || code == msgpcode.False:
		b, err := d.DecodeBool()
		return strconv.AppendBool(dst, b), err
	case msgpcode.IsString(code):
		s, err := d.DecodeString()
		return appendGo(dst, s), err
	case msgpcode.IsBin(code):
		b, err := d.DecodeBytes()
		return appendGo(dst, b), err
	case msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32:
		return appendArray(dst, d)
	case msgpcode.IsFixedMap(code) || code == msgpcode.Map16 || code == msgpcode.Map32:
		return appendMap(dst, d)
	case msgpcode.IsExt(code):
		return appendExtension(dst, d)
	}
	n, err := d.DecodeInt64()
	return strconv.AppendInt(dst, n, 10), err
}

func appendArray(dst []byte, d *msgpack.Decoder) ([]byte, error) {
	n, err := d.DecodeArrayLen()
	dst = append(dst, '[')
	for i := 0; i < n && err == nil; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, err = appendJSON(dst, d)
	}
	return append(dst, ']'), err
}

func appendMap(dst []byte, d *msgpack.Decoder) ([]byte, error) {
	n, err := d.DecodeMapLen()
	dst = append(dst, '{')
	for i := 0; i < n && err == nil; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		var key []byte
		if key, err = appendJSON(nil, d); err != nil {
			break
		}
		if key[0] != '"' {
			key = appendGo(nil, string(key))
		}
		dst, err = appendJSON(append(append(dst, key...), ':'), d)
	}
	return append(dst, '}'), err
}

// timestamp is MessagePack's own extension.
const timestamp = -1

func appendExtension(dst []byte, d *msgpack.Decoder) ([]byte, error) {
	raw, err := d.DecodeRaw()
	if err != nil {
		return nil, err
	}
	inner := msgpack.NewDecoder(bytes.NewReader(raw))
	id, length, err := inner.DecodeExtHeader()
	if err != nil {
		return nil, err
	}
	if id == timestamp {
		var t time.Time
		if t, err = msgpack.NewDecoder(bytes.NewReader(raw)).DecodeTime(); err != nil {
			return nil, err
		}
		return appendGo(dst, t.UTC().Format(time.RFC3339Nano)), nil
	}
	data := raw[len(raw)-length:]
	return appendGo(dst, struct {
		Ext  int8   `json:"ext"`
		Data []byte `json:"data"`
	}{id, data}), nil
}

func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return appendGo(dst, f)
}

// appendGo appends a plain Go value, which package json cannot fail to encode,
// as JSON that is not meant for a web page.
func appendGo(dst []byte, v any) []byte {
	out := bytes.NewBuffer(dst)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
