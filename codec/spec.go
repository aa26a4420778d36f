package codec

import (
	"errors"
	"fmt"
)

// Spec is what a [Func] says beyond its name and its types: the errors that its
// callers recognise, and what becomes of its encoded values on the way. It does
// not depend on the types, for those who know only one of them. A plain func's
// Spec is nil, which every method takes. It never changes, and is safe for
// concurrent use.
type Spec struct {
	name       string // of the func
	sentinels  []sentinel
	types      []errorType
	transforms []transform
	err        error // what is wrong with the options
}

// FuncOption says more about a func than its name and types. Both sides of a
// func share it, so they share its options.
type FuncOption func(*Spec)

func newSpec(name string, options []FuncOption) *Spec {
	if len(options) == 0 {
		return nil
	}
	s := &Spec{name: name}
	for _, option := range options {
		if option == nil {
			s.refuse("nil option")
			continue
		}
		option(s)
	}
	return s
}

// refuse notes that an option cannot be used, for Func.Check.
func (s *Spec) refuse(format string, args ...any) {
	s.err = errors.Join(s.err, fmt.Errorf("%w: %w", ErrOption, fmt.Errorf(format, args...)))
}

func (s *Spec) check() error {
	if s == nil {
		return nil
	}
	return s.err
}
