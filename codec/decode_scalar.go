package codec

import (
	"fmt"
	"math"
	"reflect"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

func isInteger(c byte) bool {
	return msgpcode.IsFixedNum(c) || c >= msgpcode.Uint8 && c <= msgpcode.Int64
}

func isArray(c byte) bool {
	return msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32
}

func isMap(c byte) bool {
	return msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32
}

// mismatch says that the next value is not what belongs in its place.
func (d *decoder) mismatch(want string) error {
	c, got := d.peek(), ""
	switch {
	case c == msgpcode.Nil:
		got = "nil"
	case c == msgpcode.True || c == msgpcode.False:
		got = "a boolean"
	case isInteger(c):
		got = "an integer"
	case c == msgpcode.Float || c == msgpcode.Double:
		got = "a float"
	case msgpcode.IsString(c):
		got = "a string"
	case msgpcode.IsBin(c):
		got = "bytes"
	case isArray(c):
		got = "an array"
	case isMap(c):
		got = "a map"
	default:
		got = "an extension"
	}
	return fmt.Errorf("%s where %s belongs", got, want)
}

// outOfRange says that a number does not fit.
func outOfRange(number, least, greatest any) error {
	return fmt.Errorf("%v is out of range; use %v to %v", number, least, greatest)
}

// integer takes an integer: its value, or, if that is too large for 64 signed bits,
// the same bits and true.
func (d *decoder) integer() (v int64, large bool, err error) {
	switch c := d.peek(); {
	case c == msgpcode.Uint64:
		d.at++
		u := d.bigEndian(8)
		return int64(u), u > math.MaxInt64, d.err
	case isInteger(c):
		return d.int(), false, d.err
	}
	return 0, false, d.mismatch("an integer")
}

func decodeInt(bits int) func(*decoder, reflect.Value) error {
	least := int64(-1) << (bits - 1)
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			v.SetInt(0)
			return nil
		}
		n, large, err := d.integer()
		if err != nil {
			return err
		}
		if large {
			return outOfRange(uint64(n), least, ^least)
		}
		if n < least || n > ^least {
			return outOfRange(n, least, ^least)
		}
		v.SetInt(n)
		return nil
	}
}

func decodeUint(bits int) func(*decoder, reflect.Value) error {
	greatest := uint64(math.MaxUint64) >> (64 - bits)
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			v.SetUint(0)
			return nil
		}
		n, large, err := d.integer()
		if err != nil {
			return err
		}
		if n < 0 && !large {
			return outOfRange(n, 0, greatest)
		}
		if uint64(n) > greatest {
			return outOfRange(uint64(n), 0, greatest)
		}
		v.SetUint(uint64(n))
		return nil
	}
}

// float takes a float, or an integer that is one of so many bits exactly.
func (d *decoder) float(bits int) (f float64, err error) {
	switch c := d.peek(); {
	case c == msgpcode.Nil:
		d.at++
		return 0, nil
	case c == msgpcode.Float:
		d.at++
		return float64(math.Float32frombits(uint32(d.bigEndian(4)))), d.err
	case c == msgpcode.Double:
		d.at++
		f = math.Float64frombits(d.bigEndian(8))
		if bits == 32 && f == f && float64(float32(f)) != f {
			return 0, fmt.Errorf("%v is not exact as a float of 32 bits; use one of 64", f)
		}
		return f, d.err
	case isInteger(c):
		n, large, err := d.integer()
		if err != nil {
			return 0, err
		}
		f = float64(n)
		same := f < 1<<63 && int64(f) == n
		text := fmt.Sprint(n)
		if large {
			f = float64(uint64(n))
			same = f < 1<<64 && uint64(f) == uint64(n)
			text = fmt.Sprint(uint64(n))
		}
		if !same || bits == 32 && float64(float32(f)) != f {
			return 0, fmt.Errorf("the integer %s is not exact as a float of %d bits", text, bits)
		}
		return f, nil
	}
	return 0, d.mismatch("a number")
}

func decodeFloat32(d *decoder, v reflect.Value) error {
	f, err := d.float(32)
	if err == nil {
		v.SetFloat(f)
	}
	return err
}

func decodeFloat64(d *decoder, v reflect.Value) error {
	f, err := d.float(64)
	if err == nil {
		v.SetFloat(f)
	}
	return err
}

func decodeBool(d *decoder, v reflect.Value) error {
	switch d.peek() {
	case msgpcode.True, msgpcode.False:
		v.SetBool(d.bool())
		return d.err
	case msgpcode.Nil:
		d.at++
		v.SetBool(false)
		return nil
	}
	return d.mismatch("a boolean")
}

// text takes a string or bytes, without copying, or an interned string. A nil is
// empty.
func (d *decoder) text() ([]byte, error) {
	switch c := d.peek(); {
	case msgpcode.IsString(c):
		b := d.str()
		return b, d.err
	case msgpcode.IsBin(c):
		b := d.bin()
		return b, d.err
	case c == msgpcode.Nil:
		d.at++
		return nil, nil
	case isInterned(d.data[d.at:]):
		s, err := d.interned()
		return []byte(s), err
	}
	return nil, d.mismatch("a string")
}

func isInterned(data []byte) bool {
	return len(data) > 1 && data[1] == internedExt &&
		(data[0] == msgpcode.FixExt1 || data[0] == msgpcode.FixExt2 || data[0] == msgpcode.FixExt4)
}

func (d *decoder) interned() (string, error) {
	n := 1 << (d.byte() - msgpcode.FixExt1)
	d.byte()
	i := d.bigEndian(n)
	if d.err == nil && i >= uint64(len(d.dict)) {
		return "", fmt.Errorf("interned string %d of %d", i, len(d.dict))
	}
	if d.err != nil {
		return "", d.err
	}
	return d.dict[i], nil
}

func decodeString(d *decoder, v reflect.Value) error {
	b, err := d.text()
	if err == nil {
		v.SetString(d.share.stringOf(b))
	}
	return err
}

// decodeInterned decodes a field with the option intern.
func decodeInterned(p *plan) func(*decoder, reflect.Value) error {
	return func(d *decoder, v reflect.Value) error {
		fresh := msgpcode.IsString(d.peek()) || msgpcode.IsBin(d.peek())
		if err := p.decode(d, v); err != nil || !fresh {
			return err
		}
		if v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if s := v.String(); len(s) >= minInterned && len(d.dict) < maxInterned {
			d.dict = append(d.dict, s)
		}
		return nil
	}
}

func decodeBytes(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	b, err := d.text()
	switch {
	case err != nil:
	case d.share.shares(len(b)):
		v.SetBytes(b[:len(b):len(b)])
	default:
		v.SetBytes(append(make([]byte, 0, len(b)), b...))
	}
	return err
}

func decodeByteArray(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	b, err := d.text()
	if err == nil && len(b) != v.Len() {
		err = fmt.Errorf("%d bytes where %d belong", len(b), v.Len())
	}
	if err == nil {
		copy(v.Bytes(), b)
	}
	return err
}
