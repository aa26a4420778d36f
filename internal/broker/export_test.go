package broker

import (
	"time"

	"github.com/nats-io/nats.go"
)

// NewHastyPublisher is a publisher with little patience.
func NewHastyPublisher(nc *nats.Conn) (*Publisher, error) {
	return newPublisher(nc, timing{
		ack:      200 * time.Millisecond,
		noStream: 300 * time.Millisecond,
		retry:    20 * time.Millisecond,
		scan:     10 * time.Millisecond,
	})
}

// NewPatientPublisher is a publisher that resends only after a reconnect.
func NewPatientPublisher(nc *nats.Conn) (*Publisher, error) {
	t := defaultTiming
	t.ack = time.Hour
	return newPublisher(nc, t)
}

// ReconnectDelay is tested by itself, since reconnecting hides it.
var ReconnectDelay = reconnectDelay
