package codec

import (
	"fmt"
	"reflect"
)

// AppendValue appends v to dst as MessagePack, so that [Value] decodes an equal value
// of the same type. A type or a value with which that cannot be, a value whose own
// encoding method fails, panics or writes anything but one value, and one that nests
// deeper than [MaxDepth] or contains itself, return an error that wraps [ErrEncode],
// and dst unchanged.
//
// What changes on the way, as the package's documentation says, is what the fields of
// a struct that are not exported hold, the location of a time, the type of what an
// interface holds, and errors, which become their text.
func AppendValue[T any](dst []byte, v T) ([]byte, error) {
	if out, ok := appendScalar(dst, v); ok {
		return out, nil
	}
	return encode(dst, v)
}

// encode encodes by reflection. It is apart from AppendValue so that there v need
// not be allocated.
func encode[T any](dst []byte, v T) ([]byte, error) {
	out, _, err := encodeValue(dst, reflect.ValueOf(&v).Elem(), 0)
	return out, err
}

// encodeValue appends v to dst, apart from what it shares.
func encodeValue(dst []byte, v reflect.Value, share sharing) (out []byte, shared []piece, err error) {
	p, err := planOf(v.Type())
	if err != nil {
		return dst, nil, fmt.Errorf("%w: %w", ErrEncode, err)
	}
	e := encoders.Get().(*encoder)
	e.buf, e.share = dst, share
	defer func() {
		out, shared = e.buf, e.shared
		e.buf, e.dict, e.depth, e.interfaces, e.custom, e.share, e.shared = nil, nil, 0, 0, false, 0, nil
		if r := recover(); r != nil {
			err = fmt.Errorf("encoding panicked: %s", describe(r))
		}
		if err != nil {
			// The library's encoder may be in any state: leave it to the collector.
			out, shared, err = dst, nil, fmt.Errorf("%w: a %v: %w", ErrEncode, v.Type(), err)
			return
		}
		encoders.Put(e)
	}()
	if err := p.encode(e, v); err != nil || !e.custom {
		return nil, nil, err
	}
	e.join()
	return nil, nil, checkValue(e.buf[len(dst):]) // for how deeply it nests
}

// Value decodes one MessagePack value into a T. Bytes that are not one whole
// value, that nest deeper than [MaxDepth], or that do not fit T, return an error
// that wraps [ErrDecode]. A number that a T, or a field or an element of it, cannot
// hold exactly does not fit, nor does an array of another length than T's. A nil
// decodes as the zero value. Into an interface, integers decode as int64, or as uint64
// if they are larger than that, floats as float64, strings and bytes as string, arrays
// as []any, and maps as map[string]any, or as map[any]any if they have other keys.
//
// It allocates in proportion to the length of data and to the size of T's
// elements, since a nil of one byte may stand for any of them.
func Value[T any](data []byte) (T, error) { return valueOf[T](data, 0) }

// valueOf is Value; what it shares refers to data.
func valueOf[T any](data []byte, share sharing) (T, error) {
	v, err, ok := scalar[T](data, share)
	if !ok || err != nil { // decode says better what is wrong
		v, err = decode[T](data, share)
	}
	if err != nil {
		var zero T
		return zero, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	return v, nil
}

// decode is apart from Value for the reason that encode is.
func decode[T any](data []byte, share sharing) (v T, err error) {
	err = decodeValue(data, reflect.ValueOf(&v).Elem(), share)
	return v, err
}

func decodeValue(data []byte, v reflect.Value, share sharing) (err error) {
	p, err := planOf(v.Type())
	if err != nil {
		return err
	}
	if err := checkValue(data); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding panicked: %s", describe(r))
		}
	}()
	return decodeInto(data, nil, p.decode, v, share)
}

// checkValue returns an error if data is not one whole value.
func checkValue(data []byte) error {
	r := reader{data: data}
	r.skip()
	return r.close(0)
}
