package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
)

// askPatience bounds a question to the broker.
const askPatience = 5 * time.Second

// refusals tells a request that is under way that the broker has refused it: the
// client library does not, since the broker says so apart from the request.
type refusals struct {
	mu     sync.Mutex
	refuse context.CancelCauseFunc // the request under way, if any
}

// hear is the connection's handler of errors.
func (r *refusals) hear(_ *nats.Conn, _ *nats.Subscription, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && errors.Is(err, nats.ErrPermissionViolation) {
		r.refuse(err)
	}
}

func (r *refusals) expect(refuse context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

// ask makes requests of the broker. If it refuses one, or does not answer, the
// finding is of the kind given, and names the subject.
func (e *examination) ask(ctx context.Context, check Check, about string, request func(context.Context) error) bool {
	err := e.try(ctx, request)
	if err == nil {
		return true
	}
	if subject, ok := broker.RefusedSubject(err); ok {
		e.warn(check, about, "not checked: this user may not use "+subject,
			"use an operator's credential, or allow the subject")
		return false
	}
	e.problem(check, about, err.Error(), "see the broker's log")
	return false
}

// try gives why the broker refused, if it did.
func (e *examination) try(ctx context.Context, request func(context.Context) error) error {
	ctx, refuse := context.WithCancelCause(ctx)
	defer refuse(nil)
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	e.refusals.expect(refuse)
	defer e.refusals.expect(nil)
	err := request(ctx)
	if cause := context.Cause(ctx); cause != nil && err != nil && errors.Is(cause, nats.ErrPermissionViolation) {
		return cause
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("no answer in %v: %w", askPatience, err)
	}
	return err
}
