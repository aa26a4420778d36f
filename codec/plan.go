package codec

import (
	"reflect"
	"sync"
	"time"
)

// plan is how the values of a type are encoded and decoded. It writes what the
// library writes, and differs from it in that nothing changes on the way without
// an error.
type plan struct {
	// encode appends a value to e.buf.
	encode func(e *encoder, v reflect.Value) error
	// decode sets v, which is zero or holds what an equal key before has set.
	decode func(d *decoder, v reflect.Value) error
	// neverNil tells that no value is written as nil.
	neverNil bool
}

// plans holds the plans of types that checkType accepts: a cache, nothing more.
var plans sync.Map // reflect.Type → *plan

// planOf returns the plan of a type, or why its values cannot cross.
func planOf(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	if err := checkType(t); err != nil {
		return nil, err
	}
	c := compiler{}
	c.plan(t)
	for t, p := range c {
		plans.LoadOrStore(t, p)
	}
	p, _ := plans.Load(t)
	return p.(*plan), nil
}

// compiler holds the plans that are being made, for types that contain themselves.
type compiler map[reflect.Type]*plan

func (c compiler) plan(t reflect.Type) *plan {
	if p, ok := c[t]; ok {
		return p
	}
	p := &plan{}
	c[t] = p
	if t == reflect.TypeFor[time.Time]() {
		p.encode, p.decode, p.neverNil = encodeTime, decodeTime, true
		return p
	}
	if m := methodsOf(t); m != (methods{none, none}) {
		c.custom(p, t, m)
		return p
	}
	c.plain(p, t)
	return p
}

// plain makes a plan by the kind of a type.
func (c compiler) plain(p *plan, t reflect.Type) {
	switch t.Kind() {
	case reflect.Bool:
		p.encode, p.decode, p.neverNil = encodeBool, decodeBool, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.encode, p.decode, p.neverNil = encodeInt, decodeInt(t.Bits()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.encode, p.decode, p.neverNil = encodeUint, decodeUint(t.Bits()), true
	case reflect.Float32:
		p.encode, p.decode, p.neverNil = encodeFloat32, decodeFloat32, true
	case reflect.Float64:
		p.encode, p.decode, p.neverNil = encodeFloat64, decodeFloat64, true
	case reflect.String:
		p.encode, p.decode, p.neverNil = encodeString, decodeString, true
	case reflect.Interface:
		p.encode, p.decode = encodeInterface, decodeInterface
		if t == reflect.TypeFor[error]() {
			p.encode, p.decode = encodeError, decodeError
		}
	case reflect.Pointer:
		to := c.plan(t.Elem())
		p.encode, p.decode = encodePointer(to), decodePointer(to)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			p.encode, p.decode = encodeBytes, decodeBytes
			return
		}
		of := c.plan(t.Elem())
		p.encode, p.decode = encodeSlice(of), decodeSlice(of)
	case reflect.Array:
		p.neverNil = true
		if t.Elem().Kind() == reflect.Uint8 {
			p.encode, p.decode = encodeByteArray, decodeByteArray
			return
		}
		of := c.plan(t.Elem())
		p.encode, p.decode = encodeArray(of), decodeArray(of)
	case reflect.Map:
		key, value := c.plan(t.Key()), c.plan(t.Elem())
		p.encode, p.decode = encodeMap(t, key, value), decodeMap(t, key, value)
		if t == reflect.TypeFor[map[string]any]() {
			p.decode = decodeStringMap
		}
	case reflect.Struct:
		p.neverNil = true
		s := c.structPlan(t)
		p.encode, p.decode = s.encode, s.decode
	}
}

// structPlan is a layout with the plans of its fields.
type structPlan struct {
	*layout
	plans []*plan // of fields, and of readable behind them
	keys  [][]byte
	omits bool // some fields may be left out
}

func (c compiler) structPlan(t reflect.Type) *structPlan {
	l, err := layoutOf(t)
	if err != nil {
		panic(err) // checkType has seen it
	}
	s := &structPlan{layout: l, omits: len(l.pointers) > 0}
	for i := range l.fields {
		f := &l.fields[i]
		f.omitEmpty = f.omitEmpty && omitsZero(f.typ)
		s.omits = s.omits || f.omitEmpty
		s.plans = append(s.plans, c.field(f))
		s.keys = append(s.keys, appendString(nil, f.name))
	}
	for i := range l.readable {
		s.plans = append(s.plans, c.field(&l.readable[i]))
	}
	return s
}

// field returns a plan for a field, which the option intern may change.
func (c compiler) field(f *field) *plan {
	p := c.plan(f.typ)
	if k := f.typ.Kind(); f.intern && (k == reflect.String || k == reflect.Interface) {
		return &plan{encodeInterned(p), decodeInterned(p), p.neverNil}
	}
	return p
}

// custom makes the plan of a type that encodes or decodes itself.
func (c compiler) custom(p *plan, t reflect.Type, m methods) {
	base := plan{encode: encodeCustom, decode: decodeCustom}
	if m.encode == none || m.decode == none {
		var plain plan
		if err := walkKind(t, map[reflect.Type]bool{t: true}); err != nil {
			plain.decode = func(*decoder, reflect.Value) error { return err }
		} else {
			c.plain(&plain, t)
		}
		if m.encode == none {
			base.encode = plain.encode
		} else {
			base.decode = plain.decode
		}
	}
	*p = base
	if check := checkArrival(t, m); check != nil {
		p.encode = func(e *encoder, v reflect.Value) error {
			v = addressable(v)
			start := len(e.buf)
			if err := e.whole(base.encode, v); err != nil || isNilValue(v) {
				return err
			}
			arrived := reflect.New(t).Elem()
			if err := e.arrive(start, base.decode, arrived); err != nil {
				return err
			}
			return check(v, arrived)
		}
	}
}

func isNilValue(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Chan, reflect.Func:
		return v.IsNil()
	}
	return false
}

// addressable returns v, or a copy of it, whose methods on the pointer can be
// called.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}
