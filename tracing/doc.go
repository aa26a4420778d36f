// Package tracing follows tasks with OpenTelemetry, from the call in a client to
// the hand-off of the outcome by a worker process, in one trace:
//
//	publish is_prime        in the client: the submit, or a whole Map
//	└─ process is_prime     in a worker process: the wait in the queue and the attempt
//	   └─ settle is_prime   in the worker process: until the outcome is in safe hands
//
// Each attempt is a span of its own; one that ended with its process is told by
// the supervisor. The trace context travels in the task's header as W3C Trace
// Context. Only tasks of callers that trace are traced, and only those that the
// caller's sampler has chosen cost more than a few nanoseconds.
//
// The package needs nothing but OpenTelemetry's API. The program brings the SDK,
// with the exporter of its choice:
//
//	client, err := producer.Connect(ctx, url, tracing.Client(provider))
//	consumer.Observe(tracing.Worker(provider)) // before pool.Main
//
// docs/operations.md shows a whole program.
package tracing
