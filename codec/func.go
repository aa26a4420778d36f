package codec

import "fmt"

// Func is a remote function: a name with the types of its argument and its
// result, and what its options say. Clients submit calls of it, worker hosts
// handle them, and both take the same Func, so that none of that can differ. A
// Func is a small value, made once, copied freely and comparable; it is safe for
// concurrent use.
type Func[A, R any] struct {
	name string
	spec *Spec // nil without options
}

// NewFunc names a func. A name has 1 to 128 of the characters A-Z a-z 0-9 _ - .
// and /; a name that has not, and an option that cannot be, are reported by the
// first use of the func, with an error that wraps [ErrName] or [ErrOption].
func NewFunc[A, R any](name string, options ...FuncOption) Func[A, R] {
	return Func[A, R]{name: name, spec: newSpec(name, options)}
}

// Name returns the func's name.
func (f Func[A, R]) Name() string { return f.name }

// Spec returns what the func's options say, nil if it has none.
func (f Func[A, R]) Spec() *Spec { return f.spec }

// Check returns an error that wraps [ErrName] if the name cannot be used, or
// [ErrOption] if an option cannot.
func (f Func[A, R]) Check() error {
	if err := checkName(f.name); err != nil {
		return err
	}
	if err := f.spec.check(); err != nil {
		return fmt.Errorf("func %q: %w", f.name, err)
	}
	return nil
}

// AppendArg appends the encoded argument to dst. Its error wraps [ErrEncode].
func (f Func[A, R]) AppendArg(dst []byte, arg A) ([]byte, error) {
	return sealValue(f.spec, argument, dst, arg)
}

// Arg decodes an argument. Its error wraps [ErrDecode].
func (f Func[A, R]) Arg(data []byte) (A, error) {
	return openValue[A](f.spec, argument, data, 0)
}

// TakeArg is [Func.Arg] of data that the caller does not use any more: long strings and
// byte slices of the argument refer to data, so that it is in memory once.
func (f Func[A, R]) TakeArg(data []byte) (A, error) {
	return openValue[A](f.spec, argument, data, shareLong)
}

// AppendResult appends the encoded result to dst. Its error wraps [ErrEncode].
func (f Func[A, R]) AppendResult(dst []byte, value R) ([]byte, error) {
	return sealValue(f.spec, result, dst, value)
}

// EncodeResult is [Func.AppendResult], and leaves long strings and byte slices where they
// are.
func (f Func[A, R]) EncodeResult(dst []byte, value R) (Encoded, error) {
	return encodeResult(f.spec, dst, value)
}

// Result decodes a result. Its error wraps [ErrDecode].
func (f Func[A, R]) Result(data []byte) (R, error) { return OpenValue[R](f.spec, data) }

func checkName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("%w: %.140q has %d characters; use 1 to %d", ErrName, name, len(name), MaxName)
	}
	for _, c := range []byte(name) {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '_' || c == '-' || c == '.' || c == '/'
		if !ok {
			return fmt.Errorf("%w: %q contains %q; use letters, digits and _ - . /", ErrName, name, c)
		}
	}
	return nil
}
