package codec

import (
	"errors"
	"fmt"
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
	share  sharing  // what is shared refers to data
	lib    *msgpack.Decoder
	source source // of lib
}

var decoders = sync.Pool{New: func() any {
	d := &decoder{}
	d.lib = msgpack.NewDecoder(&d.source)
	return d
}}

// decodeInto decodes data, which is one whole value, into v. The strings in dict were
// interned before it.
func decodeInto(data []byte, dict []string, decode func(*decoder, reflect.Value) error, v reflect.Value, share sharing) error {
	d := decoders.Get().(*decoder)
	d.reader, d.dict, d.share = reader{data: data}, dict, share
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
	hashing := mayCollide(t.Key()) // a key may hold an interface, and that anything
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
		k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for range n {
			k.SetZero()
			e.SetZero()
			if err := key.decode(d, k); err != nil {
				return fmt.Errorf("a key: %w", err)
			}
			if hashing && !k.Comparable() {
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
