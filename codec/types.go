package codec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// checked remembers what checkType said of a type: a cache, nothing more.
var checked sync.Map // reflect.Type → error, or nil

// checkType returns an error if values of type t cannot cross processes whole:
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
	errCannotCross = errors.New("channels, functions, complex numbers and bare pointers do not cross processes")
	errInterface   = errors.New("an interface with methods cannot be decoded again; use a concrete type")
	errEmbedded    = errors.New("an embedded type that is not exported must be a plain struct, and not a pointer")
	errPointerKey  = errors.New("a pointer in a map's key would arrive as another pointer; use what it points to")
	errEndless     = errors.New("the type contains itself without end")
	errUnexported  = errors.New("only exported fields cross processes, and it has none; export them, or give the type MarshalBinary and UnmarshalBinary")
)

func walkType(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if m := methodsOf(t); m.encode != none {
		if err := checkPromoted(t, m); err != nil || m.decode != none || m.encode <= forMsgpack {
			return err
		}
	}
	return walkKind(t, seen)
}

// walkKind is walkType for a type without methods that encode it.
func walkKind(t reflect.Type, seen map[reflect.Type]bool) error {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return errCannotCross
	case reflect.Interface:
		if t.NumMethod() > 0 && t != reflect.TypeFor[error]() {
			return errInterface
		}
	case reflect.Pointer:
		if behindPointers(t).Kind() == reflect.Pointer {
			return errEndless
		}
		return walkType(t.Elem(), seen)
	case reflect.Slice, reflect.Array:
		return walkType(t.Elem(), seen)
	case reflect.Map:
		if hasPointer(t.Key()) {
			return errPointerKey
		}
		if err := walkType(t.Key(), seen); err != nil {
			return err
		}
		return walkType(t.Elem(), seen)
	case reflect.Struct:
		return walkStruct(t, seen)
	}
	return nil
}

// hasPointer reports whether values of t, which is a map's key, are compared by a
// pointer that they hold: a pointer arrives as another one.
func hasPointer(t reflect.Type) bool {
	switch {
	case methodsOf(t) != methods{none, none}:
		return false
	case t.Kind() == reflect.Pointer:
		return true
	case t.Kind() == reflect.Array:
		return hasPointer(t.Elem())
	case t.Kind() == reflect.Struct:
		for f := range t.Fields() {
			if hasPointer(f.Type) {
				return true
			}
		}
	}
	return false
}

func walkStruct(t reflect.Type, seen map[reflect.Type]bool) error {
	if embedsItself(t) {
		return errEndless
	}
	exported := 0
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		exported++
		if f.Tag.Get("msgpack") == "-" {
			continue
		}
		if !f.IsExported() && (f.Type.Kind() != reflect.Struct || !isPlainStruct(f.Type)) {
			return fmt.Errorf("field %s: %w", f.Name, errEmbedded)
		}
		if err := walkType(f.Type, seen); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	if t.NumField() > 0 && exported == 0 {
		return errUnexported
	}
	_, err := layoutOf(t)
	return err
}

// behindPointers returns what t points to, through any sensible number of
// pointers; that is still a pointer for a type such as "type P *P".
func behindPointers(t reflect.Type) reflect.Type {
	for n := 0; n < 8 && t.Kind() == reflect.Pointer; n++ {
		t = t.Elem()
	}
	return t
}

// embedsItself reports whether t embeds one of the structs it is embedded in,
// by pointer: the library would inline them for ever.
func embedsItself(t reflect.Type, outer ...reflect.Type) bool {
	if slices.Contains(outer, t) {
		return true
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for f := range t.Fields() {
		if f.Anonymous && embedsItself(behindPointers(f.Type), append(outer, t)...) {
			return true
		}
	}
	return false
}
