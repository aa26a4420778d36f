package codec

import (
	"context"
	"fmt"
	"reflect"
	"slices"
)

// sentinel is an error value that a func lists.
type sentinel struct {
	key string // on the wire
	err error
}

// errorType is a type of errors that a func lists.
type errorType struct {
	key string // on the wire
	// seal returns the value of the first error of the type in a tree.
	seal func(s *Spec, nodes []error) ([]byte, bool)
	open func(s *Spec, data []byte) (error, bool)
}

// WithErrors lists errors that callers of the func find by errors.Is when the
// handler's error is one of them, by errors.Is too: wrapped or joined as it may
// be. They cross the wire by their text; if several have the same, by their
// order among those.
//
// The errors of a context, and errors that wrap them, cannot be listed: a
// caller who finds one shall know that it is its own context's. An error of the
// context that the handler returns is told by its text.
func WithErrors(errs ...error) FuncOption {
	return func(s *Spec) {
		for _, err := range errs {
			switch nodes := tree(err); {
			case err == nil || isNil(err):
				s.refuse("a listed error is nil; it must have its value when the func is made")
			case is(nodes, context.Canceled), is(nodes, context.DeadlineExceeded):
				s.refuse("%q cannot be listed: the context's errors are for the caller's own context", message(err))
			default:
				key := unique(message(err), func(key string) bool {
					return slices.ContainsFunc(s.sentinels, func(other sentinel) bool { return other.key == key })
				})
				s.sentinels = append(s.sentinels, sentinel{key, err})
			}
		}
	}
}

// WithErrorType lists a type of errors: callers of the func find by errors.As
// what errors.As finds in the handler's error, wrapped or joined as it may be.
// The value crosses the wire like a result; what of it does not, such as fields
// that are not exported, is zero then. A value that cannot be encoded, that has
// more than 32 KiB, or that is a nil pointer, is left out; so is one that does
// not decode. The error's text arrives in any case.
//
// E is a type of which results can be: not an interface, for instance, and no
// struct all of whose fields are unexported unless it encodes itself.
func WithErrorType[E error]() FuncOption {
	return func(s *Spec) {
		t := reflect.TypeFor[E]()
		if t.Kind() == reflect.Interface {
			s.refuse("error type %v: an interface cannot be decoded again; list concrete types", t)
			return
		}
		if err := checkType(t); err != nil {
			s.refuse("error type %w", err)
			return
		}
		key := unique(t.String(), func(key string) bool {
			return slices.ContainsFunc(s.types, func(other errorType) bool { return other.key == key })
		})
		s.types = append(s.types, errorType{key, sealError[E], openError[E]})
	}
}

func sealError[E error](s *Spec, nodes []error) (data []byte, ok bool) {
	defer func() { _ = recover() }() // the encoding may fail with an error that panics
	var found E
	if !as(nodes, &found) || isNil(found) {
		return nil, false
	}
	data, err := sealValue(s, errValue, nil, found)
	return data, err == nil
}

func openError[E error](s *Spec, data []byte) (value error, ok bool) {
	defer func() { _ = recover() }()
	found, err := openValue[E](s, errValue, data, 0)
	return found, err == nil && !isNil(found)
}

// isNil reports whether err is a nil pointer, of which callers could make
// nothing but a panic.
func isNil(err error) bool {
	v := reflect.ValueOf(err)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// unique returns a key for text that is not taken.
func unique(text string, taken func(key string) bool) string {
	const room = 16 // for the number
	text = cut(text, maxLabel-room)
	key := text
	for n := 2; taken(key); n++ {
		key = fmt.Sprintf("%s#%d", text, n)
	}
	return key
}
