package codec

import (
	"fmt"
	"slices"
)

// Failure returns what the caller of the func shall learn of an error that its
// handler returned: text, and what the func lists of it by [WithErrors] and
// [WithErrorType]. Stack is what the error, or the first of those it wraps that
// says more with %+v than without, says then: with many error libraries that is
// where it was made.
//
// Whatever err's methods do, short of never returning, there is a failure: one
// that panics is passed over, and of the errors that err wraps the first 1,000
// are looked at. A nil err gives nil.
func (f Func[A, R]) Failure(err error) *Failure { return f.spec.failure(err) }

func (s *Spec) failure(err error) *Failure {
	if err == nil {
		return nil
	}
	err, final := unmark(err)
	nodes := tree(err)
	f := &Failure{Final: final, Code: CodeError, Type: fmt.Sprintf("%T", err), Message: message(err), Stack: detail(nodes)}
	if s == nil {
		return f
	}
	for _, listed := range s.sentinels {
		if is(nodes, listed.err) {
			f.Sentinels = append(f.Sentinels, listed.key)
		}
	}
	for _, t := range s.types {
		if data, ok := t.seal(s, nodes); ok {
			f.Values = append(f.Values, ErrorValue{Type: t.key, Data: data})
		}
	}
	return f
}

// Err returns a failure as the error that the task's caller sees, a
// [*RemoteError] or a [*WorkerDiedError]: a new one each time. In a RemoteError
// errors.Is and errors.As find what the func lists of the handler's error.
func (s *Spec) Err(f *Failure, task ID) error {
	err := f.Err(task)
	remote, ok := err.(*RemoteError)
	if !ok || s == nil {
		return err
	}
	for _, listed := range s.sentinels {
		if slices.Contains(f.Sentinels, listed.key) {
			remote.listed = append(remote.listed, listed.err)
		}
	}
	for _, t := range s.types {
		at := slices.IndexFunc(f.Values, func(v ErrorValue) bool { return v.Type == t.key })
		if at < 0 {
			continue
		}
		if value, ok := t.open(s, f.Values[at].Data); ok {
			remote.listed = append(remote.listed, value)
		}
	}
	return remote
}
