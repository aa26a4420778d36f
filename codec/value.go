package codec

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// valueEncoder is the library's encoder over a buffer that it appends to.
type valueEncoder struct {
	*msgpack.Encoder
	buf []byte
}

func (e *valueEncoder) Write(p []byte) (int, error) {
	e.buf = append(e.buf, p...)
	return len(p), nil
}

func (e *valueEncoder) WriteByte(c byte) error {
	e.buf = append(e.buf, c)
	return nil
}

var encoders = sync.Pool{New: func() any {
	e := &valueEncoder{}
	e.Encoder = msgpack.NewEncoder(e)
	return e
}}

type valueDecoder struct {
	*msgpack.Decoder
	bytes.Reader
}

var decoders = sync.Pool{New: func() any {
	d := &valueDecoder{}
	d.Decoder = msgpack.NewDecoder(&d.Reader)
	return d
}}

// AppendValue appends v to dst as MessagePack. A type that cannot be encoded,
// or whose own encoding method fails or panics, gives an error that wraps
// [ErrEncode], and dst unchanged.
func AppendValue[T any](dst []byte, v T) (out []byte, err error) {
	if out, ok := appendScalar(dst, v); ok {
		return out, nil
	}
	if err := checkType(reflect.TypeFor[T]()); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrEncode, err)
	}
	e := encoders.Get().(*valueEncoder)
	e.buf = dst
	defer func() {
		out, e.buf = e.buf, nil
		if p := recover(); p != nil {
			// The encoder may be in any state: leave it to the collector.
			out, err = dst, fmt.Errorf("%w: encoding a %T panicked: %v", ErrEncode, v, p)
			return
		}
		encoders.Put(e)
		if err != nil {
			out = dst
		}
	}()
	e.Reset(e)
	e.UseCompactInts(true)
	// By pointer, since methods such as big.Int's stand on the pointer.
	if err := e.Encode(&v); err != nil {
		return nil, fmt.Errorf("%w: a %T: %w", ErrEncode, v, err)
	}
	return nil, nil
}

// appendScalar encodes the commonest types without reflection or allocation.
func appendScalar[T any](dst []byte, v T) ([]byte, bool) {
	switch v := any(v).(type) {
	case int:
		return appendInt(dst, int64(v)), true
	case int64:
		return appendInt(dst, v), true
	case uint64:
		return appendUint(dst, v), true
	case string:
		return appendString(dst, v), true
	case bool:
		if v {
			return append(dst, msgpcode.True), true
		}
		return append(dst, msgpcode.False), true
	}
	return dst, false
}

// Value decodes one MessagePack value into a T. Bytes that are not one whole
// value, that nest deeper than [MaxDepth], or that do not fit T, give an error
// that wraps [ErrDecode]. Into an interface, numbers decode as int64, uint64 or
// float64.
func Value[T any](data []byte) (v T, err error) {
	// The library recurses as deep as its input nests and trusts lengths in
	// places; what it is given has been looked through first.
	r := reader{data: data}
	r.skip(MaxDepth)
	if err := r.close(0); err != nil {
		return v, fmt.Errorf("%w into %T: %w", ErrDecode, v, err)
	}
	d := decoders.Get().(*valueDecoder)
	defer func() {
		d.Reader.Reset(nil)
		if p := recover(); p != nil {
			var zero T
			v, err = zero, fmt.Errorf("%w into %T: decoding panicked: %v", ErrDecode, zero, p)
			return
		}
		decoders.Put(d)
	}()
	d.Reader.Reset(data)
	d.Decoder.Reset(&d.Reader)
	d.UseLooseInterfaceDecoding(true)
	if err := d.Decode(&v); err != nil {
		var zero T
		return zero, fmt.Errorf("%w into %T: %w", ErrDecode, zero, err)
	}
	return v, nil
}
