package jsonvalue

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Append appends an encoded value as JSON; an empty one, which is how a nil
// decodes into a RawMessage, as null. Bytes become a string in base64, as in
// package json; keys of maps become strings; numbers that JSON has not become
// "NaN", "Infinity" and "-Infinity". A whole float of 2^53 or more has an exponent,
// so that [Encode] does not take it for an integer; a smaller one has none. The error is about bytes that do not read,
// and how deep they nest is for the caller to bound.
func Append(dst []byte, value msgpack.RawMessage) ([]byte, error) {
	if len(value) == 0 {
		return append(dst, "null"...), nil
	}
	d := msgpack.GetDecoder()
	defer msgpack.PutDecoder(d)
	d.Reset(bytes.NewReader(value))
	return appendNext(dst, d)
}

// appendNext appends the next value.
func appendNext(dst []byte, d *msgpack.Decoder) ([]byte, error) {
	code, err := d.PeekCode()
	if err != nil {
		return nil, err
	}
	switch {
	case code == msgpcode.Nil:
		return append(dst, "null"...), d.DecodeNil()
	case code == msgpcode.Float:
		f, err := d.DecodeFloat32()
		return appendFloat(dst, float64(f), 32), err
	case code == msgpcode.Double:
		f, err := d.DecodeFloat64()
		return appendFloat(dst, f, 64), err
	case code == msgpcode.Uint64:
		n, err := d.DecodeUint64()
		return strconv.AppendUint(dst, n, 10), err
	case code == msgpcode.True || code == msgpcode.False:
		b, err := d.DecodeBool()
		return strconv.AppendBool(dst, b), err
	case msgpcode.IsString(code):
		s, err := d.DecodeString()
		return AppendGo(dst, s), err
	case msgpcode.IsBin(code):
		b, err := d.DecodeBytes()
		return AppendGo(dst, b), err
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
		dst, err = appendNext(dst, d)
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
		if key, err = appendNext(nil, d); err != nil {
			break
		}
		if key[0] != '"' {
			key = AppendGo(nil, string(key))
		}
		dst, err = appendNext(append(append(dst, key...), ':'), d)
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
		return AppendGo(dst, t.UTC().Format(time.RFC3339Nano)), nil
	}
	data := raw[len(raw)-length:]
	return AppendGo(dst, struct {
		Ext  int8   `json:"ext"`
		Data []byte `json:"data"`
	}{id, data}), nil
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0.0"...)
	case math.Abs(f) >= 1<<53:
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	case bits == 32:
		return AppendGo(dst, float32(f))
	}
	return AppendGo(dst, f)
}

// AppendGo appends a plain Go value, which package json cannot fail to encode,
// as JSON that is not meant for a web page.
func AppendGo(dst []byte, v any) []byte {
	out := bytes.NewBuffer(dst)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
