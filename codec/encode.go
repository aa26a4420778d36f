package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// encoder appends values to buf.
type encoder struct {
	buf        []byte
	depth      int            // arrays and maps around the value
	interfaces int            // interfaces around the value
	dict       map[string]int // interned strings
	custom     bool           // a value has encoded itself
	share      sharing
	shared     []piece
	lib        *msgpack.Encoder
}

func (e *encoder) Write(p []byte) (int, error) {
	e.buf = append(e.buf, p...)
	return len(p), nil
}

func (e *encoder) WriteByte(c byte) error {
	e.buf = append(e.buf, c)
	return nil
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.lib = msgpack.NewEncoder(e)
	return e
}}

var (
	errNested   = fmt.Errorf("it nests deeper than %d arrays and maps, or contains itself", MaxDepth)
	errInnerNil = errors.New("a pointer to nil would arrive as nil; use a nil pointer, or no pointer")
	errKeys     = errors.New("keys that differ here would arrive as one")
	errAnyKey   = errors.New("in an interface, a map's keys have to be numbers, strings, booleans or times")
)

// enter begins an array or a map; leave ends it.
func (e *encoder) enter() error {
	if e.depth++; e.depth > MaxDepth {
		return errNested
	}
	return nil
}

func (e *encoder) leave() { e.depth-- }

func encodeBool(e *encoder, v reflect.Value) error {
	e.buf = appendBool(e.buf, v.Bool())
	return nil
}

func encodeInt(e *encoder, v reflect.Value) error {
	e.buf = appendInt(e.buf, v.Int())
	return nil
}

func encodeUint(e *encoder, v reflect.Value) error {
	e.buf = appendUint(e.buf, v.Uint())
	return nil
}

func encodeFloat32(e *encoder, v reflect.Value) error {
	e.buf = binary.BigEndian.AppendUint32(append(e.buf, msgpcode.Float), math.Float32bits(float32(v.Float())))
	return nil
}

func encodeFloat64(e *encoder, v reflect.Value) error {
	e.buf = binary.BigEndian.AppendUint64(append(e.buf, msgpcode.Double), math.Float64bits(v.Float()))
	return nil
}

func encodeString(e *encoder, v reflect.Value) error {
	e.string(v.String())
	return nil
}

func encodeBytes(e *encoder, v reflect.Value) error {
	if v.IsNil() {
		e.buf = append(e.buf, msgpcode.Nil)
	} else {
		e.bytes(v.Bytes())
	}
	return nil
}

func encodeByteArray(e *encoder, v reflect.Value) error {
	e.buf = appendBin(e.buf, addressable(v).Bytes()) // a map's next value may take its place
	return nil
}

func encodeTime(e *encoder, v reflect.Value) error { return e.lib.EncodeValue(v) }

func encodePointer(to *plan) func(*encoder, reflect.Value) error {
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.buf = append(e.buf, msgpcode.Nil)
			return nil
		}
		start := len(e.buf)
		if err := to.encode(e, v.Elem()); err != nil {
			return err
		}
		if e.buf[start] == msgpcode.Nil {
			return errInnerNil
		}
		return nil
	}
}

func encodeSlice(of *plan) func(*encoder, reflect.Value) error {
	array := encodeArray(of)
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.buf = append(e.buf, msgpcode.Nil)
			return nil
		}
		return array(e, v)
	}
}

func encodeArray(of *plan) func(*encoder, reflect.Value) error {
	return func(e *encoder, v reflect.Value) error {
		if err := e.enter(); err != nil {
			return err
		}
		n := v.Len()
		e.buf = appendArrayLen(e.buf, n)
		for i := range n {
			if err := of.encode(e, v.Index(i)); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		e.leave()
		return nil
	}
}

func encodeMap(t reflect.Type, key, value *plan) func(*encoder, reflect.Value) error {
	collide := mayCollide(t.Key())
	set := reflect.MapOf(t.Key(), reflect.TypeFor[struct{}]())
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.buf = append(e.buf, msgpcode.Nil)
			return nil
		}
		if err := e.enter(); err != nil {
			return err
		}
		n := v.Len()
		e.buf = appendMapLen(e.buf, n)
		var arrived reflect.Value
		if collide && n > 1 {
			arrived = reflect.MakeMapWithSize(set, n)
		}
		k, of := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for pairs := v.MapRange(); pairs.Next(); {
			k.SetIterKey(pairs)
			of.SetIterValue(pairs)
			start := len(e.buf)
			if err := e.whole(key.encode, k); err != nil {
				return fmt.Errorf("key %.60v: %w", k, err)
			}
			if c := e.buf[start]; e.interfaces > 0 && (isArray(c) || isMap(c)) {
				return fmt.Errorf("key %.60v: %w", k, errAnyKey)
			}
			if arrived.IsValid() {
				other := reflect.New(t.Key()).Elem()
				if err := e.arrive(start, key.decode, other); err != nil {
					return fmt.Errorf("key %.60v: %w", k, err)
				}
				arrived.SetMapIndex(other, reflect.Zero(set.Elem()))
			}
			if err := value.encode(e, of); err != nil {
				return fmt.Errorf("key %.60v: %w", k, err)
			}
		}
		if arrived.IsValid() && arrived.Len() < n {
			return errKeys
		}
		e.leave()
		return nil
	}
}

// mayCollide reports whether values of t that differ may arrive as equal.
func mayCollide(t reflect.Type) bool {
	switch {
	case t.Kind() == reflect.Interface, t.Kind() == reflect.Struct, methodsOf(t) != methods{none, none}:
		return true
	case t.Kind() == reflect.Array:
		return mayCollide(t.Elem())
	}
	return false
}

// encodeInterface encodes by the type that the interface holds.
func encodeInterface(e *encoder, v reflect.Value) error {
	if v.IsNil() {
		e.buf = append(e.buf, msgpcode.Nil)
		return nil
	}
	if held := v.Interface(); len(e.dict) == 0 && !e.share.sharesValue(held) {
		if out, ok := appendScalar(e.buf, held); ok {
			e.buf = out
			return nil
		}
	}
	p, err := planOf(v.Elem().Type())
	if err != nil {
		return err
	}
	if e.interfaces++; e.interfaces > 4*MaxDepth {
		return errNested
	}
	err = p.encode(e, v.Elem())
	e.interfaces--
	return err
}

func encodeError(e *encoder, v reflect.Value) error {
	if v.IsNil() {
		e.buf = append(e.buf, msgpcode.Nil)
	} else {
		e.string(v.Interface().(error).Error())
	}
	return nil
}

func (s *structPlan) encode(e *encoder, v reflect.Value) error {
	if err := e.enter(); err != nil {
		return err
	}
	var keep []bool // nil keeps all
	switch {
	case s.asArray:
		for _, p := range s.pointers {
			if to, _ := follow(v, p.index); to.Kind() == reflect.Pointer && to.IsNil() {
				return fmt.Errorf("the embedded pointer %s is nil, which an array has no place for", to.Type().Elem().Name())
			}
		}
		e.buf = appendArrayLen(e.buf, len(s.fields))
	case s.omits:
		n := 0
		var err error
		if keep, n, err = s.keep(v); err != nil {
			return err
		}
		e.buf = appendMapLen(e.buf, n)
	default:
		e.buf = appendMapLen(e.buf, len(s.fields))
	}
	for i := range s.fields {
		if keep != nil && !keep[i] {
			continue
		}
		f := &s.fields[i]
		if !s.asArray {
			if len(e.dict) > 0 {
				e.string(f.name)
			} else {
				e.buf = append(e.buf, s.keys[i]...)
			}
		}
		at, _ := f.in(v)
		if err := s.plans[i].encode(e, at); err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	e.leave()
	return nil
}

// keep tells which fields of v are written, and how many. The fields behind a nil
// embedded pointer are not, so that it arrives as nil, and of another one some are.
func (s *structPlan) keep(v reflect.Value) (keep []bool, n int, err error) {
	keep = make([]bool, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		at, ok := f.in(v)
		if keep[i] = ok && !(f.omitEmpty && isZero(at)); keep[i] {
			n++
		}
	}
pointers:
	for _, p := range s.pointers {
		to, ok := follow(v, p.index)
		if !ok || to.IsNil() {
			continue
		}
		for i := p.from; i < p.to; i++ {
			if keep[i] {
				continue pointers
			}
		}
		for i := p.from; i < p.to; i++ {
			if _, ok := s.fields[i].in(v); ok {
				keep[i] = true
				n++
				continue pointers
			}
		}
		return nil, 0, fmt.Errorf("the embedded pointer %s would arrive as nil, since it has no field to write; give it a name", to.Type().Elem().Name())
	}
	return keep, n, nil
}

// string appends a string, or the index of an equal one that was interned.
func (e *encoder) string(s string) {
	if i, ok := e.dict[s]; ok {
		e.index(i)
		return
	}
	if e.share.shares(len(s)) {
		e.buf = appendStringLen(e.buf, len(s))
		e.shared = append(e.shared, piece{len(e.buf), bytesOf(s)})
		return
	}
	e.buf = appendString(e.buf, s)
}

// bytes appends a byte slice.
func (e *encoder) bytes(b []byte) {
	if e.share.shares(len(b)) {
		e.buf = appendBinLen(e.buf, len(b))
		e.shared = append(e.shared, piece{len(e.buf), b})
		return
	}
	e.buf = appendBin(e.buf, b)
}

// whole appends a value of which nothing is shared, since what was written is looked at
// again.
func (e *encoder) whole(encode func(*encoder, reflect.Value) error, v reflect.Value) error {
	share := e.share
	e.share = 0
	err := encode(e, v)
	e.share = share
	return err
}

// join copies what is shared to its place.
func (e *encoder) join() {
	if len(e.shared) > 0 {
		e.buf = (&Encoded{data: e.buf, shared: e.shared}).Bytes()
		e.shared = nil
	}
}

// What the library writes for the tag's option intern: a string of three bytes or
// more is written once, and then as its index in an extension.
const (
	internedExt = 0x80
	minInterned = 3
	maxInterned = math.MaxUint16
)

func encodeInterned(p *plan) func(*encoder, reflect.Value) error {
	return func(e *encoder, v reflect.Value) error {
		s := v
		if v.Kind() == reflect.Interface {
			s = v.Elem()
		}
		if s.Kind() != reflect.String {
			return p.encode(e, v)
		}
		text := s.String()
		_, known := e.dict[text]
		e.string(text)
		if !known && len(text) >= minInterned && len(e.dict) < maxInterned {
			if e.dict == nil {
				e.dict = map[string]int{}
			}
			e.dict[text] = len(e.dict)
		}
		return nil
	}
}

func (e *encoder) index(i int) {
	if i <= math.MaxUint8 {
		e.buf = append(e.buf, msgpcode.FixExt1, internedExt, byte(i))
	} else {
		e.buf = binary.BigEndian.AppendUint16(append(e.buf, msgpcode.FixExt2, internedExt), uint16(i))
	}
}

// arrive decodes what has been written from start on, as its reader will.
func (e *encoder) arrive(start int, decode func(*decoder, reflect.Value) error, v reflect.Value) error {
	var dict []string
	if len(e.dict) > 0 {
		dict = make([]string, len(e.dict))
		for s, i := range e.dict {
			dict[i] = s
		}
	}
	return decodeInto(e.buf[start:], dict, decode, v, 0)
}

// encodeCustom has a value encode itself. What it writes has to be one value.
func encodeCustom(e *encoder, v reflect.Value) error {
	if isNilValue(v) {
		e.buf = append(e.buf, msgpcode.Nil)
		return nil
	}
	start := len(e.buf)
	e.custom = true
	e.lib.Reset(e)
	e.lib.UseCompactInts(true)
	if err := e.lib.EncodeValue(addressable(v).Addr()); err != nil {
		return err
	}
	return checkValue(e.buf[start:])
}
