// Package broker is everything Muster knows about NATS: the subjects and
// streams of the wire, connecting, the embedded server, and the publisher that
// stores messages in streams.
package broker
