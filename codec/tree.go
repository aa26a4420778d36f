package codec

import "reflect"

// The functions here do what errors.Is and errors.As do, for errors that nobody
// has vouched for: a method that panics counts as one that finds nothing, and a
// chain that never ends is followed as far as maxTree.

// maxTree is how many errors are looked at of one that wraps others.
const maxTree = 1000

// tree returns errs and what they wrap, in the order of errors.Is.
func tree(errs ...error) []error { return grow(nil, errs) }

func grow(nodes, errs []error) []error {
	for _, err := range errs {
		if len(nodes) >= maxTree {
			break
		}
		if err != nil {
			nodes = grow(append(nodes, err), unwrap(err))
		}
	}
	return nodes
}

func unwrap(err error) (inner []error) {
	defer func() { _ = recover() }()
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return []error{x.Unwrap()}
	case interface{ Unwrap() []error }:
		return x.Unwrap()
	}
	return nil
}

// is reports whether one of nodes is target.
func is(nodes []error, target error) bool {
	for _, err := range nodes {
		if isOne(err, target) {
			return true
		}
	}
	return false
}

func isOne(err, target error) (found bool) {
	defer func() { _ = recover() }()
	if target == nil || reflect.TypeOf(target).Comparable() && err == target {
		return target != nil
	}
	x, ok := err.(interface{ Is(error) bool })
	return ok && x.Is(target)
}

// as sets what target points to, to the first of nodes that fits.
func as(nodes []error, target any) bool {
	for _, err := range nodes {
		if asOne(err, target) {
			return true
		}
	}
	return false
}

func asOne(err error, target any) (found bool) {
	defer func() { _ = recover() }()
	to := reflect.ValueOf(target).Elem()
	if reflect.TypeOf(err).AssignableTo(to.Type()) {
		to.Set(reflect.ValueOf(err))
		return true
	}
	x, ok := err.(interface{ As(any) bool })
	return ok && x.As(target)
}
