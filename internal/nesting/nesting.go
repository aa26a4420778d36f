// Package nesting is what a task's context tells about calls from inside a
// task. It stands between package consumer, which makes such contexts, and
// package producer, which submits and waits with them, since the two do not
// know each other.
package nesting

import "context"

// MaxDepth is how deeply calls may nest: a task that a client submitted has
// depth 0, one that it submits has depth 1. It mirrors loky's limit.
const MaxDepth = 10

// Key is the key of a context's [Call].
type Key struct{}

// Call is the task that a context belongs to.
type Call struct {
	// Depth of the task.
	Depth int
	// Wait tells the supervisor that the task waits for another, so that its
	// place may be used meanwhile, until resume is called. It may be nil.
	Wait func() (resume func())
}

// Of returns the call that ctx belongs to; inside is false outside of tasks.
func Of(ctx context.Context) (call Call, inside bool) {
	call, inside = ctx.Value(Key{}).(Call)
	return call, inside
}
