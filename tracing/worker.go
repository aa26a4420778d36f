package tracing

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// Worker returns what consumer.Observe takes, so that each attempt at a traced task
// is a span: from the moment the broker stored the task, with an event when the
// handler begins, which has the span in its context. A span below it lasts until
// the outcome is in safe hands.
//
// A worker process that leaves has the provider flush what it keeps, if it can, as
// the SDK's can.
func Worker(provider trace.TracerProvider) consumer.Observer {
	return worker{provider: provider, tracer: provider.Tracer(name)}
}

type worker struct {
	provider trace.TracerProvider
	tracer   trace.Tracer
}

// Begin begins the span of an attempt, if its task is traced.
func (w worker) Begin(ctx context.Context, a consumer.Attempt) (context.Context, consumer.Observation) {
	if len(a.Header) == 0 {
		return ctx, nil
	}
	parent := wire.Extract(ctx, propagation.MapCarrier(a.Header))
	if !trace.SpanContextFromContext(parent).IsValid() {
		return ctx, nil
	}
	began := a.Began
	if stored := a.Stored; !stored.IsZero() && stored.Before(began) {
		began = stored
	}
	ctx, span := w.tracer.Start(parent, "process "+a.Func, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began))
	if !span.IsRecording() {
		return ctx, nil // the handler passes the context on all the same
	}
	span.SetAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.operation.name", "process"),
		attribute.String("messaging.destination.name", a.Queue),
		attribute.String("messaging.message.id", a.ID.String()),
		attribute.String("muster.task.id", a.ID.String()),
		attribute.String("muster.func", a.Func),
		attribute.Int("muster.attempt", a.Attempt),
		attribute.Float64("muster.wait_seconds", a.Began.Sub(began).Seconds()),
		attribute.String("host.name", a.Host),
		attribute.Int("process.pid", a.PID),
	)
	span.AddEvent("started", trace.WithTimestamp(a.Began))
	return ctx, &attempt{tracer: w.tracer, ctx: ctx, span: span, fn: a.Func, died: a.Died}
}

// Flush has the provider pass on what it keeps.
func (w worker) Flush(ctx context.Context) error {
	if p, ok := w.provider.(interface{ ForceFlush(context.Context) error }); ok {
		return p.ForceFlush(ctx)
	}
	return nil
}

// attempt is one attempt that is traced.
type attempt struct {
	tracer  trace.Tracer
	ctx     context.Context // of span
	span    trace.Span
	fn      string
	died    bool
	handOff atomic.Pointer[trace.Span]
}

// Ended ends the span of the attempt, and begins that of the hand-off if there
// will be one.
func (a *attempt) Ended(failure *codec.Failure) {
	if failure != nil {
		a.span.SetAttributes(attribute.String("error.type", string(failure.Code)))
		a.span.SetStatus(codes.Error, failure.Message)
	}
	a.span.End()
	if a.died {
		return // nobody is left to hand off
	}
	_, handOff := a.tracer.Start(a.ctx, "settle "+a.fn, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "settle"),
		attribute.String("messaging.operation.name", "settle"),
	))
	a.handOff.Store(&handOff)
}

// HandedOff ends the span of the hand-off.
func (a *attempt) HandedOff(err error) {
	handOff := a.handOff.Load()
	if handOff == nil {
		return
	}
	if err != nil {
		(*handOff).RecordError(err)
		(*handOff).SetStatus(codes.Error, err.Error())
	}
	(*handOff).End()
}
