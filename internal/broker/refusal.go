package broker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// refusal is the server's word that a user may not publish or subscribe. It comes
// apart from any answer: what was refused is not answered at all.
type refusal struct{ verb, subject string }

func (r *refusal) Error() string {
	return fmt.Sprintf("%v: this user may not %s %s", ErrPermission, r.verb, r.subject)
}

func (r *refusal) Unwrap() error { return ErrPermission }

var violation = regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to "([^"]+)"`)

// refusalIn is nil if err is no such word.
func refusalIn(err error) *refusal {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	match := violation.FindStringSubmatch(err.Error())
	if match == nil {
		return &refusal{verb: "do that:", subject: err.Error()}
	}
	verb := "publish to"
	if strings.EqualFold(match[1], "subscription") {
		verb = "subscribe to"
	}
	return &refusal{verb: verb, subject: match[2]}
}

// ofLook reports whether it was only a look at what there is that was refused.
func (r *refusal) ofLook() bool {
	return strings.HasPrefix(r.subject, apiPrefix+"STREAM.INFO.") || strings.HasPrefix(r.subject, apiPrefix+"CONSUMER.INFO.")
}

// isRefusedLook reports whether err is that the user may not look at a stream or a
// consumer.
func isRefusedLook(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && r.ofLook()
}

// apiPrefix begins the subjects of the JetStream API.
const apiPrefix = "$JS.API."

// refusalPoll is how often is looked whether a request was refused.
const refusalPoll = 2 * time.Millisecond

// UnlessRefused makes requests of the JetStream API, and ends them with
// [ErrPermission] if the server refuses one, instead of waiting for its answer.
func UnlessRefused[T any](ctx context.Context, nc *nats.Conn, request func(context.Context) (T, error)) (T, error) {
	return UnlessRefusedOn(ctx, nc, apiPrefix, request)
}

// UnlessRefusedOn is [UnlessRefused] for requests on other subjects: those that begin
// so.
func UnlessRefusedOn[T any](ctx context.Context, nc *nats.Conn, prefix string, request func(context.Context) (T, error)) (T, error) {
	before := nc.LastError()
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(refusalPoll)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := nc.LastError(); err != before {
				if r := refusalIn(err); r != nil && concerns(prefix, r.subject) {
					cancel(r)
					return
				}
			}
		}
	}()
	v, err := request(ctx)
	cancel(nil)
	<-done
	if r, ok := errors.AsType[*refusal](context.Cause(ctx)); ok && err != nil {
		return v, r
	}
	return v, err
}

// concerns reports whether requests on subjects with a prefix fail without the
// subject: their own, or one on which answers come.
func concerns(prefix, subject string) bool {
	return strings.HasPrefix(subject, prefix) || strings.HasPrefix(subject, "_INBOX")
}

// Admitted makes sure that the server has taken what a connection has subscribed
// to. Its error is [ErrPermission], or says that the server does not answer.
func Admitted(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	if r := refusalIn(nc.LastError()); r != nil && r.verb == "subscribe to" {
		return fmt.Errorf("%w: is its group the right one (--group, MUSTER_GROUP)?", r)
	}
	return nil
}

// Refusal tells what the server has last refused a connection, as the end of an
// error of somebody who has waited in vain; nothing if it has refused nothing, or a
// look alone.
func Refusal(nc *nats.Conn) string {
	if r := refusalIn(nc.LastError()); r != nil && !r.ofLook() {
		return r.Error()
	}
	return ""
}

// RefusedSubject returns the subject that the server refused, if that is what err says.
func RefusedSubject(err error) (string, bool) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = refusalIn(err)
	}
	if r == nil {
		return "", false
	}
	return r.subject, true
}
