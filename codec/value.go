package codec

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
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

// AppendValue appends v to dst as MessagePack. A type that cannot be encoded, a
// value whose own encoding method fails, panics or writes anything but one
// value, and one that nests deeper than [MaxDepth], give an error that wraps
// [ErrEncode], and dst unchanged. A value must not contain itself.
func AppendValue[T any](dst []byte, v T) ([]byte, error) {
	if out, ok := appendScalar(dst, v); ok {
		return out, nil
	}
	return encode(dst, v)
}

// encode encodes by the library. It is apart from AppendValue so that there v
// need not be allocated.
func encode[T any](dst []byte, v T) (out []byte, err error) {
	t := reflect.TypeFor[T]()
	if t == reflect.TypeFor[any]() && any(v) != nil {
		t = reflect.TypeOf(v)
	}
	if err := checkType(t); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrEncode, err)
	}
	e := encoders.Get().(*valueEncoder)
	e.buf = dst
	defer func() {
		out, e.buf = e.buf, nil
		if p := recover(); p != nil {
			err = fmt.Errorf("encoding panicked: %s", describe(p))
		}
		if err != nil {
			// The encoder may be in any state: leave it to the collector.
			out, err = dst, fmt.Errorf("%w: a %v: %w", ErrEncode, t, err)
			return
		}
		encoders.Put(e)
	}()
	e.Reset(e)
	e.UseCompactInts(true)
	// By pointer, since methods such as big.Int's stand on the pointer.
	if err := e.Encode(&v); err != nil {
		return nil, err
	}
	return nil, checkValue(e.buf[len(dst):])
}

// Value decodes one MessagePack value into a T. Bytes that are not one whole
// value, that nest deeper than [MaxDepth], or that do not fit T, give an error
// that wraps [ErrDecode]; numbers out of range do so when T is a plain number
// type, and are cut to the type's bits inside another. A nil gives the zero
// value. Into an interface, numbers decode as int64, uint64 or float64, bytes
// as a string, and maps as map[string]any.
//
// It allocates in proportion to the length of data and to the size of T's
// elements, since a nil of one byte may stand for any of them.
func Value[T any](data []byte) (T, error) {
	v, err, ok := scalar[T](data)
	if !ok {
		v, err = decode[T](data)
	}
	if err != nil {
		var zero T
		return zero, fmt.Errorf("%w into %v: %w", ErrDecode, reflect.TypeFor[T](), err)
	}
	return v, nil
}

func decode[T any](data []byte) (v T, err error) {
	if err := checkType(reflect.TypeFor[T]()); err != nil {
		return v, err
	}
	d := decoders.Get().(*valueDecoder)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding panicked: %s", describe(p))
		}
		if err == nil {
			// After an error the decoder may be in any state, for instance still
			// recording: leave it to the collector.
			d.source.reset(nil, nil)
			decoders.Put(d)
		}
	}()
	if err := d.begin(data); err != nil {
		return v, err
	}
	err = d.Decode(&v)
	return v, err
}

// checkValue gives an error if data is not one whole value.
func checkValue(data []byte) error {
	r := reader{data: data}
	r.skip()
	return r.close(0)
}
