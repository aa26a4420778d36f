package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// name of the instrumentation.
const name = "github.com/musterfleet/muster/tracing"

// wire is how trace context travels with a task.
var wire = propagation.TraceContext{}

// Client returns an option of producer.Connect by which each Submit, and each Map as
// a whole, is a span, whose context goes with the tasks. It is a child of the span
// in the context of the call.
func Client(provider trace.TracerProvider) producer.Option {
	return producer.WithObserver(client{provider.Tracer(name)})
}

type client struct{ tracer trace.Tracer }

// Submit begins the span of a call.
func (c client) Submit(ctx context.Context, call producer.Call) (map[string]string, producer.Submitted) {
	ctx, span := c.tracer.Start(ctx, "publish "+call.Func, trace.WithSpanKind(trace.SpanKindProducer))
	header := propagation.MapCarrier{}
	wire.Inject(ctx, header)
	if !span.IsRecording() {
		span.End()
		return header, nil
	}
	span.SetAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.operation.name", "publish"),
		attribute.String("messaging.destination.name", call.Queue),
		attribute.String("muster.func", call.Func),
		attribute.Bool("muster.map", call.Map),
	)
	return header, func(id codec.ID, err error) {
		switch {
		case err != nil:
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		case !call.Map:
			span.SetAttributes(
				attribute.String("muster.task.id", id.String()),
				attribute.String("messaging.message.id", id.String()),
			)
		}
		span.End()
	}
}
