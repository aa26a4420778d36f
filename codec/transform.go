package codec

import (
	"bytes"
	"fmt"
)

// transform changes encoded values on one side, and back on the other. It is told
// which of a func's values it is.
type transform struct {
	seal, open func(purpose, []byte) ([]byte, error)
}

// purpose is what a value is to its func.
type purpose byte

const (
	argument purpose = 'a'
	result   purpose = 'r'
	errValue purpose = 'e'
)

// WithTransform has seal change every encoded argument and result of the func,
// and every encoded error value, before it is sent, and open change it back
// before it is decoded: to encrypt, sign or compress them. Of several
// transforms the first is sealed first and opened last.
//
// seal and open may change the bytes that they are given, and return them, but
// must not keep them. Their errors, and their panics, are wrapped by [ErrEncode]
// and [ErrDecode]. They must be safe for concurrent use. The message, type and
// stack of an error are sent as plain text in any case.
func WithTransform(seal, open func([]byte) ([]byte, error)) FuncOption {
	return func(s *Spec) {
		if seal == nil || open == nil {
			s.refuse("a transform needs a function to seal and one to open")
			return
		}
		s.transforms = append(s.transforms, transform{
			seal: func(_ purpose, data []byte) ([]byte, error) { return seal(data) },
			open: func(_ purpose, data []byte) ([]byte, error) { return open(data) },
		})
	}
}

// sealValue appends v to dst as a func with that spec sends it: encoded as
// AppendValue does, then sealed. Its error wraps ErrEncode; then it returns dst
// unchanged.
func sealValue[T any](s *Spec, of purpose, dst []byte, v T) ([]byte, error) {
	out, err := AppendValue(dst, v)
	if s == nil || len(s.transforms) == 0 || err != nil {
		return out, err
	}
	data := out[len(dst):len(out):len(out)]
	for _, t := range s.transforms {
		if data, err = apply(t.seal, of, data); err != nil {
			return dst, fmt.Errorf("%w: sealing: %w", ErrEncode, err)
		}
	}
	return append(out[:len(dst)], data...), nil
}

// encodeResult is sealValue of a result that shares what it may: nothing that is sealed.
func encodeResult[T any](s *Spec, dst []byte, v T) (Encoded, error) {
	if s == nil || len(s.transforms) == 0 {
		return encodeShared(dst, v)
	}
	out, err := sealValue(s, result, dst, v)
	if err != nil {
		return Encoded{}, err
	}
	return whole(dst, out), nil
}

// OpenValue decodes a result of a func with that spec: what its transforms open of
// data is decoded as [Value] does. Its error wraps [ErrDecode]. It leaves data as it
// is.
func OpenValue[T any](s *Spec, data []byte) (T, error) { return openValue[T](s, result, data, 0) }

// openValue decodes a value. If it may share any of data, it may change data.
func openValue[T any](s *Spec, of purpose, data []byte, share sharing) (v T, err error) {
	if s == nil || len(s.transforms) == 0 {
		return valueOf[T](data, share)
	}
	if share == 0 {
		data = bytes.Clone(data) // open may well work in place
	}
	for i := len(s.transforms) - 1; i >= 0; i-- {
		if data, err = apply(s.transforms[i].open, of, data); err != nil {
			return v, fmt.Errorf("%w: opening: %w", ErrDecode, err)
		}
	}
	return Value[T](data)
}

func apply(f func(purpose, []byte) ([]byte, error), of purpose, data []byte) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("panicked: %s", describe(p))
		}
	}()
	return f(of, data)
}
