package main

import (
	"cmp"
	"context"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
	"github.com/musterfleet/muster/tracing"
)

// traces exports what tasks go through, by OTLP over HTTP, if the environment names
// a collector. Its zero value exports nothing.
type traces struct{ provider *sdktrace.TracerProvider }

// exported is set by main, before anything else runs.
var exported traces

// exportTimeout bounds how long the end of a command waits for the collector.
const exportTimeout = 3 * time.Second

// newTraces does as OTEL_EXPORTER_OTLP_ENDPOINT and the variables beside it say.
func newTraces(ctx context.Context) (traces, error) {
	if cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) == "" {
		return traces{}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return traces{}, err
	}
	service, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "muster")), resource.WithFromEnv())
	if err != nil {
		return traces{}, err
	}
	t := traces{sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(service))}
	consumer.Observe(tracing.Worker(t.provider))
	return t, nil
}

// options are for the clients of a command.
func (t traces) options() []producer.Option {
	if t.provider == nil {
		return nil
	}
	return []producer.Option{tracing.Client(t.provider)}
}

// close exports what is left.
func (t traces) close() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		report("muster: traces are lost: %v", err)
	}
}
