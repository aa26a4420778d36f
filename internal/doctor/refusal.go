package doctor

import (
	"context"
	"fmt"
	"strings"
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
	prefix string                  // of the subjects that it uses, beside inboxes
}

// hear is the connection's handler of errors. What is refused late, of a request
// before, has another prefix.
func (r *refusals) hear(_ *nats.Conn, _ *nats.Subscription, err error) {
	subject, refused := broker.RefusedSubject(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && refused && (strings.HasPrefix(subject, r.prefix) || strings.HasPrefix(subject, "_INBOX")) {
		r.refuse(err)
	}
}

func (r *refusals) expect(prefix string, refuse context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prefix, r.refuse = prefix, refuse
}

// ask makes requests of the JetStream API. If the broker refuses one, or does not
// answer, the finding is of the kind given, and names the subject.
func (e *examination) ask(ctx context.Context, check Check, about string, request func(context.Context) error) bool {
	return e.judge(check, about, e.try(ctx, "$JS.", request))
}

// judge reports whether a request succeeded, and makes a finding of it if not.
func (e *examination) judge(check Check, about string, err error) bool {
	if err == nil {
		return true
	}
	if subject, ok := broker.RefusedSubject(err); ok {
		e.warn(check, about, "not checked: this user may not use "+subject,
			"use an operator's credential, or allow the subject")
		return false
	}
	e.problem(check, about, oneLine(err), "see the broker's log")
	return false
}

// try makes requests on subjects with a prefix, within a bound. It gives why the
// broker refused, if it did.
func (e *examination) try(ctx context.Context, prefix string, request func(context.Context) error) error {
	ctx, refuse := context.WithCancelCause(ctx)
	defer refuse(nil)
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	e.refusals.expect(prefix, refuse)
	defer e.refusals.expect("", nil)
	err := request(ctx)
	if _, refused := broker.RefusedSubject(context.Cause(ctx)); refused && err != nil {
		return context.Cause(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("no answer in %v: %w", askPatience, err)
	}
	return err
}
