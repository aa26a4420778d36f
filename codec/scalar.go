package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// appendScalar encodes the commonest types without reflection or allocation.
func appendScalar[T any](dst []byte, v T) ([]byte, bool) {
	switch v := any(v).(type) {
	case int:
		return appendInt(dst, int64(v)), true
	case int64:
		return appendInt(dst, v), true
	case int32:
		return appendInt(dst, int64(v)), true
	case uint:
		return appendUint(dst, uint64(v)), true
	case uint64:
		return appendUint(dst, v), true
	case uint32:
		return appendUint(dst, uint64(v)), true
	case float64:
		dst = append(dst, msgpcode.Double)
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), true
	case string:
		return appendString(dst, v), true
	case []byte:
		if v == nil {
			return append(dst, msgpcode.Nil), true
		}
		return appendBin(dst, v), true
	case bool:
		if v {
			return append(dst, msgpcode.True), true
		}
		return append(dst, msgpcode.False), true
	}
	return dst, false
}

// Scalar is [Value] for a T that is a number, a string or a bool, and bytes that
// hold one: it runs nobody's code. It reports false for all else.
func Scalar[T any](data []byte) (v T, ok bool) {
	v, err, ok := scalar[T](data, 0)
	return v, ok && err == nil
}

// scalar decodes the number, string and bool types, if the bytes begin as
// appendScalar writes them. Unlike the library it refuses a number out of range. What
// it shares refers to data.
func scalar[T any](data []byte, share sharing) (v T, err error, ok bool) {
	if len(data) == 0 {
		return v, nil, false
	}
	c := data[0]
	number := msgpcode.IsFixedNum(c) || c >= msgpcode.Uint8 && c <= msgpcode.Int64
	r := reader{data: data}
	switch p := any(&v).(type) {
	case *int:
		if ok = number; ok {
			*p = int(r.signed(strconv.IntSize))
		}
	case *int64:
		if ok = number; ok {
			*p = r.int()
		}
	case *int32:
		if ok = number; ok {
			*p = int32(r.signed(32))
		}
	case *int16:
		if ok = number; ok {
			*p = int16(r.signed(16))
		}
	case *int8:
		if ok = number; ok {
			*p = int8(r.signed(8))
		}
	case *uint:
		if ok = number; ok {
			*p = uint(r.unsigned(strconv.IntSize))
		}
	case *uint64:
		if ok = number; ok {
			*p = r.uint()
		}
	case *uint32:
		if ok = number; ok {
			*p = uint32(r.unsigned(32))
		}
	case *uint16:
		if ok = number; ok {
			*p = uint16(r.unsigned(16))
		}
	case *uint8:
		if ok = number; ok {
			*p = uint8(r.unsigned(8))
		}
	case *float64:
		if ok = c == msgpcode.Double; ok {
			r.at++
			*p = math.Float64frombits(r.bigEndian(8))
		}
	case *string:
		if ok = msgpcode.IsString(c); ok {
			*p = share.stringOf(r.str())
		}
	case *bool:
		if ok = c == msgpcode.True || c == msgpcode.False; ok {
			r.at++
			*p = c == msgpcode.True
		}
	case *msgpack.RawMessage:
		if ok = c != msgpcode.Nil; ok { // the library makes nothing of a nil
			r.skip()
			*p = data
			if !share.shares(len(data)) {
				*p = bytes.Clone(data) // in one step, however large
			}
		}
	}
	if !ok {
		return v, nil, false
	}
	return v, r.close(0), true
}
