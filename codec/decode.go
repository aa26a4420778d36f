package codec

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// decoder decodes values from bytes that have been looked through: they are one
// whole value, which nests no deeper than it may.
type decoder struct {
	reader
	dict   []string // interned strings
	lib    *msgpack.Decoder
	source source // of lib
}

var decoders = sync.Pool{New: func() any {
	d := &decoder{}
	d.lib = msgpack.NewDecoder(&d.source)
	return d
}}

// decodeInto decodes data, which is one whole value, into v.
func decodeInto(data []byte, decode func(*decoder, reflect.Value) error, v reflect.Value) error {
	d := decoders.Get().(*decoder)
	d.reader = reader{data: data}
	if err := decode(d, v); err != nil {
		// The library's decoder may be in any state, for instance still recording:
		// leave it to the collector.
		return err
	}
	err := d.close(0)
	d.reader, d.dict = reader{}, nil
	d.source.reset(nil, nil)
	decoders.Put(d)
	return err
}

// peek returns the code of the next value.
func (d *decoder) peek() byte {
	if d.at >= len(d.data) {
		return 0
	}
	return d.data[d.at]
}

// isNil takes a nil, if that is next.
func (d *decoder) isNil() bool {
	if d.peek() != msgpcode.Nil {
		return false
	}
	d.at++
	return true
}

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
		v.SetString(string(b))
	}
	return err
}

// decodeInterned is decodeString for a field with the option intern.
func decodeInterned(d *decoder, v reflect.Value) error {
	fresh := msgpcode.IsString(d.peek()) || msgpcode.IsBin(d.peek())
	if err := decodeString(d, v); err != nil {
		return err
	}
	if s := v.String(); fresh && len(s) >= minInterned && len(d.dict) < maxInterned {
		d.dict = append(d.dict, s)
	}
	return nil
}

func decodeBytes(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	b, err := d.text()
	if err == nil {
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

func decodeTime(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	if c := d.peek(); !msgpcode.IsExt(c) && !msgpcode.IsString(c) && !isArray(c) {
		return d.mismatch("a time")
	}
	return d.library(func() error {
		t, err := d.lib.DecodeTime()
		if err == nil {
			v.Set(reflect.ValueOf(t))
		}
		return err
	})
}

// library has the library's decoder read the next value.
func (d *decoder) library(read func() error) error {
	start := d.at
	d.disguised = nil
	d.skip()
	if d.err != nil {
		return d.err
	}
	for i := range d.disguised {
		d.disguised[i] -= start
	}
	d.source.reset(d.data[start:d.at], d.disguised)
	d.lib.ResetDict(&d.source, d.dict)
	d.lib.UseLooseInterfaceDecoding(true)
	return read()
}

// decodeCustom has a value decode itself.
func decodeCustom(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	return d.library(func() error { return d.lib.DecodeValue(v.Addr()) })
}

func decodePointer(to *plan) func(*decoder, reflect.Value) error {
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return to.decode(d, v.Elem())
	}
}

func decodeSlice(of *plan) func(*decoder, reflect.Value) error {
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			v.SetZero()
			return nil
		}
		if !isArray(d.peek()) {
			return d.mismatch("an array")
		}
		n := d.array()
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		return d.elements(of, v, n)
	}
}

func decodeArray(of *plan) func(*decoder, reflect.Value) error {
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			v.SetZero()
			return nil
		}
		if !isArray(d.peek()) {
			return d.mismatch("an array")
		}
		n := d.array()
		if n != v.Len() {
			return fmt.Errorf("%d elements where %d belong", n, v.Len())
		}
		return d.elements(of, v, n)
	}
}

func (d *decoder) elements(of *plan, v reflect.Value, n int) error {
	for i := range n {
		if err := of.decode(d, v.Index(i)); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return d.err
}

func decodeMap(t reflect.Type, key, value *plan) func(*decoder, reflect.Value) error {
	return func(d *decoder, v reflect.Value) error {
		if d.isNil() {
			v.SetZero()
			return nil
		}
		if !isMap(d.peek()) {
			return d.mismatch("a map")
		}
		n := d.mapLen()
		m := reflect.MakeMapWithSize(t, n)
		for range n {
			k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			if err := key.decode(d, k); err != nil {
				return fmt.Errorf("a key: %w", err)
			}
			if !k.Comparable() {
				return errors.New("an array or a map where a key belongs")
			}
			if err := value.decode(d, e); err != nil {
				return fmt.Errorf("key %.60v: %w", k, err)
			}
			m.SetMapIndex(k, e)
		}
		v.Set(m)
		return d.err
	}
}

func (s *structPlan) decode(d *decoder, v reflect.Value) error {
	switch c := d.peek(); {
	case c == msgpcode.Nil:
		d.at++
		if v.CanSet() { // it is zero if it cannot be set, being embedded
			v.SetZero()
		}
		return nil
	case isArray(c):
		return s.decodeArray(d, v)
	case !isMap(c):
		return d.mismatch("a map")
	}
	next := 0 // the field that the writer of this package writes next
	for n := d.mapLen(); n > 0; n-- {
		key, err := d.text()
		if err != nil {
			return fmt.Errorf("a key: %w", err)
		}
		if next < len(s.fields) && s.fields[next].name == string(key) {
			err = s.decodeField(d, v, next)
			next++
		} else if i, ok := s.names[string(key)]; ok && i != unwritten {
			err = s.decodeField(d, v, i)
			next = i + 1
		} else {
			d.skip()
			err = d.err
		}
		if err != nil {
			return fmt.Errorf("field %.60s: %w", key, err)
		}
	}
	return d.err
}

func (s *structPlan) decodeArray(d *decoder, v reflect.Value) error {
	n := d.array()
	if n == 0 {
		return nil
	}
	if n != len(s.fields) {
		return fmt.Errorf("%d fields where %d belong", n, len(s.fields))
	}
	for i := range s.fields {
		if err := s.decodeField(d, v, i); err != nil {
			return fmt.Errorf("field %s: %w", s.fields[i].name, err)
		}
	}
	return nil
}

// decodeField decodes into a field. A nil that no writer writes for the field
// itself says that an embedded pointer on the way to it is nil.
func (s *structPlan) decodeField(d *decoder, v reflect.Value, i int) error {
	f, p := s.at(i), s.plans[i]
	if len(f.index) == 1 {
		return p.decode(d, v.Field(f.index[0]))
	}
	if at, ok := f.in(v); ok {
		return p.decode(d, at)
	}
	if p.neverNil && d.isNil() {
		return nil
	}
	return p.decode(d, f.make(v))
}

func decodeInterface(d *decoder, v reflect.Value) error {
	x, err := d.any()
	if err != nil {
		return err
	}
	if x == nil {
		v.SetZero()
	} else {
		v.Set(reflect.ValueOf(x))
	}
	return nil
}

func decodeError(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	b, err := d.text()
	if err == nil {
		v.Set(reflect.ValueOf(errors.New(string(b))))
	}
	return err
}

// any takes a value of any type: see Value.
func (d *decoder) any() (any, error) {
	switch c := d.peek(); {
	case c == msgpcode.Nil:
		d.at++
		return nil, nil
	case c == msgpcode.True || c == msgpcode.False:
		return d.bool(), d.err
	case isInteger(c):
		n, large, err := d.integer()
		if large {
			return uint64(n), err
		}
		return n, err
	case c == msgpcode.Float || c == msgpcode.Double:
		return d.float(64)
	case msgpcode.IsString(c) || msgpcode.IsBin(c) || isInterned(d.data[d.at:]):
		b, err := d.text()
		return string(b), err
	case isArray(c):
		n := d.array()
		list := make([]any, n)
		for i := range list {
			var err error
			if list[i], err = d.any(); err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
		}
		return list, d.err
	case isMap(c):
		return d.anyMap()
	}
	var x any
	err := d.library(func() (err error) {
		x, err = d.lib.DecodeInterfaceLoose()
		return err
	})
	return x, err
}

// anyMap takes a map: a map[string]any if its keys are strings, else a
// map[any]any.
func (d *decoder) anyMap() (any, error) {
	n := d.mapLen()
	byString := make(map[string]any, n)
	var byAny map[any]any
	for range n {
		key, err := d.any()
		if err != nil {
			return nil, fmt.Errorf("a key: %w", err)
		}
		value, err := d.any()
		if err != nil {
			return nil, fmt.Errorf("key %.60v: %w", key, err)
		}
		text, isText := key.(string)
		if isText && byAny == nil {
			byString[text] = value
			continue
		}
		if !isText && key != nil && !reflect.TypeOf(key).Comparable() {
			return nil, errors.New("an array or a map where a key belongs")
		}
		if byAny == nil {
			byAny = make(map[any]any, n)
			for k, v := range byString {
				byAny[k] = v
			}
		}
		byAny[key] = value
	}
	if byAny != nil {
		return byAny, d.err
	}
	return byString, d.err
}

// decodeStringMap is the plan of the commonest map.
func decodeStringMap(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	if !isMap(d.peek()) {
		return d.mismatch("a map")
	}
	n := d.mapLen()
	m := make(map[string]any, n)
	for range n {
		key, err := d.text()
		if err != nil {
			return fmt.Errorf("a key: %w", err)
		}
		k := string(key)
		if m[k], err = d.any(); err != nil {
			return fmt.Errorf("key %.60s: %w", k, err)
		}
	}
	v.Set(reflect.ValueOf(m))
	return d.err
}
