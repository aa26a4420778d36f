package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/musterfleet/muster/internal/broker"
)

// askTimeout bounds a question to the broker.
const askTimeout = 5 * time.Second

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

// try makes requests on subjects with a prefix, within a bound. It returns why the
// broker refused, if it did.
func (e *examination) try(ctx context.Context, prefix string, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err := broker.UnlessRefusedOn(ctx, e.nc, prefix, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, request(ctx)
	})
	if _, refused := broker.RefusedSubject(err); err != nil && !refused && ctx.Err() != nil {
		return fmt.Errorf("no answer in %v: %w", askTimeout, err)
	}
	return err
}
