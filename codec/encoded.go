package codec

import (
	"io"
	"reflect"
	"unsafe"
)

// sharing is the length from which strings and byte slices are shared between a value and
// its encoding rather than copied; 0 shares none.
type sharing int

// shareLong shares what is worth it.
const shareLong sharing = 64 << 10

// shares reports whether a string or a byte slice of a length is shared.
func (s sharing) shares(length int) bool { return s > 0 && length >= int(s) }

// Encoded is an encoded value. Its long strings and byte slices are still those of the
// value, which must not change meanwhile, so that a large value is in memory once.
type Encoded struct {
	data   []byte // without what is shared
	shared []piece
	size   int
}

// piece is a string or a byte slice that belongs at a place in an encoding.
type piece struct {
	at   int
	data []byte
}

// Len returns the length in bytes.
func (e *Encoded) Len() int { return e.size }

// Bytes returns the encoding as a whole. It copies what is shared.
func (e *Encoded) Bytes() []byte {
	if len(e.shared) == 0 {
		return e.data
	}
	out := make([]byte, 0, e.size)
	_ = e.each(func(b []byte) error {
		out = append(out, b...)
		return nil
	})
	return out
}

// WriteTo writes the encoding, any number of times. It mirrors [io.WriterTo].
func (e *Encoded) WriteTo(w io.Writer) (n int64, err error) {
	err = e.each(func(b []byte) error {
		written, err := w.Write(b)
		n += int64(written)
		return err
	})
	return n, err
}

// each calls f with the encoding piece by piece, until it fails.
func (e *Encoded) each(f func([]byte) error) error {
	from := 0
	for _, p := range e.shared {
		if err := f(e.data[from:p.at]); err != nil {
			return err
		}
		if err := f(p.data); err != nil {
			return err
		}
		from = p.at
	}
	return f(e.data[from:])
}

// encodeShared is [AppendValue] that shares what is long.
func encodeShared[T any](dst []byte, v T) (Encoded, error) {
	if !shareLong.sharesValue(v) {
		if out, ok := appendScalar(dst, v); ok {
			return whole(dst, out), nil
		}
	}
	return encodeByReflection(dst, v)
}

// encodeByReflection is apart for the reason that encode is.
func encodeByReflection[T any](dst []byte, v T) (Encoded, error) {
	return encodeSharedValue(dst, reflect.ValueOf(&v).Elem(), shareLong)
}

func encodeSharedValue(dst []byte, v reflect.Value, share sharing) (Encoded, error) {
	out, shared, err := encodeValue(dst, v, share)
	if err != nil {
		return Encoded{}, err
	}
	encoded := whole(dst, out)
	for i := range shared {
		shared[i].at -= len(dst)
		encoded.size += len(shared[i].data)
	}
	encoded.shared = shared
	return encoded, nil
}

// whole returns what was appended to dst.
func whole(dst, out []byte) Encoded {
	out = out[len(dst):]
	return Encoded{data: out, size: len(out)}
}

// sharesValue reports whether v is a string or a byte slice that is shared.
func (s sharing) sharesValue(v any) bool {
	switch v := v.(type) {
	case string:
		return s.shares(len(v))
	case []byte:
		return s.shares(len(v))
	}
	return false
}

// bytesOf returns a string's bytes, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// stringOf returns b as a string, which refers to b if that is shared.
func (s sharing) stringOf(b []byte) string {
	if s.shares(len(b)) {
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return string(b)
}
