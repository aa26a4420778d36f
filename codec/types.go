package codec

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// checked remembers what checkType said of a type: a cache, nothing more.
var checked sync.Map // reflect.Type → error, or nil

// checkType gives an error if values of type t cannot cross processes whole:
// the library would refuse a channel only when it meets one, and would encode a
// struct without exported fields as nothing at all.
func checkType(t reflect.Type) error {
	if known, ok := checked.Load(t); ok {
		err, _ := known.(error)
		return err
	}
	err := walkType(t, map[reflect.Type]bool{})
	if err != nil {
		err = fmt.Errorf("a %v: %w", t, err)
	}
	checked.Store(t, err)
	return err
}

var (
	errCannotCross = errors.New("channels, functions and unsafe pointers do not cross processes")
	errUnexported  = errors.New("only exported fields cross processes, and it has none; export them, or give the type MarshalBinary and UnmarshalBinary")
)

func walkType(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || encodesItself(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return errCannotCross
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return walkType(t.Elem(), seen)
	case reflect.Map:
		if err := walkType(t.Key(), seen); err != nil {
			return err
		}
		return walkType(t.Elem(), seen)
	case reflect.Struct:
		return walkStruct(t, seen)
	}
	return nil
}

func walkStruct(t reflect.Type, seen map[reflect.Type]bool) error {
	exported := 0
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		exported++
		if f.Tag.Get("msgpack") == "-" {
			continue
		}
		if err := walkType(f.Type, seen); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	if t.NumField() > 0 && exported == 0 {
		return errUnexported
	}
	return nil
}

var selfEncoders = []reflect.Type{
	reflect.TypeFor[msgpack.CustomEncoder](),
	reflect.TypeFor[msgpack.Marshaler](),
	reflect.TypeFor[encoding.BinaryMarshaler](),
	reflect.TypeFor[encoding.TextMarshaler](),
}

// encodesItself reports whether t or *t has a method by which it encodes itself.
func encodesItself(t reflect.Type) bool {
	for _, method := range selfEncoders {
		if t.Implements(method) || reflect.PointerTo(t).Implements(method) {
			return true
		}
	}
	return t == reflect.TypeFor[msgpack.RawMessage]()
}
