package consumer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/musterfleet/muster/codec"
)

// registered holds the handlers by the names of their funcs. It is the
// package's one piece of global state: handlers are registered by main and by
// init functions, before anything is served.
var registered struct {
	mu sync.RWMutex
	m  map[string]handler
}

// Handle registers the handler of a func, for this process and for the worker
// processes that are started from its program. A worker process calls one
// handler at a time, unless it was told otherwise. What h returns as its error
// is the task's failure; so is a panic. The context ends at the task's deadline
// and carries what [Task] and [Logger] return. Long strings and byte slices of an
// argument that is larger than a message refer to one allocation, which is in memory
// for as long as one of them is.
//
// Handle panics, like http.Handle, if the func's name cannot be used, if h is
// nil, or if the func has a handler already: such a program cannot work.
func Handle[A, R any](f codec.Func[A, R], h func(ctx context.Context, arg A) (R, error)) {
	if err := f.Check(); err != nil {
		panic(err)
	}
	if h == nil {
		panic(fmt.Sprintf("consumer: nil handler for func %q", f.Name()))
	}
	registered.mu.Lock()
	defer registered.mu.Unlock()
	if registered.m[f.Name()] != nil {
		panic(fmt.Sprintf("consumer: func %q has a handler already", f.Name()))
	}
	if registered.m == nil {
		registered.m = map[string]handler{}
	}
	registered.m[f.Name()] = typed(f, h)
}

// typed wraps a user's function as a handler.
func typed[A, R any](f codec.Func[A, R], h func(context.Context, A) (R, error)) handler {
	return func(ctx context.Context, dst []byte, arg argument) (none codec.Encoded, failure *codec.Failure) {
		decode := f.Arg
		if arg.own {
			decode = f.TakeArg
		}
		value, err := decode(arg.data)
		if err != nil {
			// The code says already that the argument does not decode.
			why := strings.TrimPrefix(err.Error(), codec.ErrDecode.Error()+": ")
			return none, &codec.Failure{Code: codec.CodeArgument, Message: why}
		}
		result, err := h(ctx, value)
		if err != nil {
			return none, f.Failure(err)
		}
		out, err := f.EncodeResult(dst, result)
		if err != nil {
			return none, &codec.Failure{Code: codec.CodeResult, Message: err.Error()}
		}
		return out, nil
	}
}

// Handled returns the names of the funcs that have a handler, sorted.
func Handled() []string {
	registered.mu.RLock()
	defer registered.mu.RUnlock()
	return slices.Sorted(maps.Keys(registered.m))
}

// handlers returns the registered handlers, for one worker process.
func handlers() map[string]handler {
	registered.mu.RLock()
	defer registered.mu.RUnlock()
	return maps.Clone(registered.m)
}
