package producer

import (
	"slices"
	"sync/atomic"

	"github.com/musterfleet/muster/codec"
)

// Stats is what a client has done since it was made, and what it waits for.
type Stats struct {
	Pending   int    // futures without an outcome
	Submitted uint64 // tasks
	Publishes uint64 // messages of tasks given to the broker, a batch being one
	Bytes     uint64 // in those messages
	Direct    uint64 // outcomes that came from a worker
	Stored    uint64 // outcomes that came from what the broker keeps
	Values    uint64 // of those outcomes, values
	// Failed counts the outcomes that are failures, by their code, each code that there
	// may be with 0 or more: those that came,
	// CodeCancelled for what this client has cancelled, "not_stored" for tasks that
	// the broker has not stored, and "not_fetched" for large results that this client
	// could not fetch.
	Failed map[codec.Code]uint64
}

// How a client counts what no worker has failed.
const (
	codeNotStored  codec.Code = "not_stored"  // a task, by the broker
	codeNotFetched codec.Code = "not_fetched" // a large result, by the client
)

// countedCodes are the codes that have a counter of their own.
var countedCodes = append(codec.Codes[:], codeNotStored, codeNotFetched)

// Stats counts what the client has done. It is safe for concurrent use.
func (c *Client) Stats() Stats {
	s := Stats{
		Pending: c.Pending(), Submitted: c.registry.registered(),
		Publishes: c.counters.publishes.Load(), Bytes: c.counters.bytes.Load(),
		Direct: c.counters.direct.Load(), Stored: c.counters.stored.Load(),
		Values: c.counters.values.Load(), Failed: map[codec.Code]uint64{},
	}
	for i := range c.counters.failed {
		code, n := countedCodes[i], c.counters.failed[i].Load()
		if n > 0 || code != codec.CodeDepth { // Submit refuses such a call, so no task fails with it
			s.Failed[code] = n
		}
	}
	return s
}

// counters is what a client counts, by the message.
type counters struct {
	publishes, bytes       atomic.Uint64
	direct, stored, values atomic.Uint64
	failed                 [len(codec.Codes) + 2]atomic.Uint64 // by the place in countedCodes
}

func (c *counters) publish(data []byte) {
	c.publishes.Add(1)
	c.bytes.Add(uint64(len(data)))
}

// fail counts failures. A code that has no place of its own is an error like others.
func (c *counters) fail(code codec.Code, n uint64) {
	c.failed[max(slices.Index(countedCodes, code), 0)].Add(n)
}

// came counts the outcomes of one message, by the way it came, of which some are
// values; failures are counted one by one.
func (c *counters) came(way *atomic.Uint64, outcomes, values uint64) {
	if outcomes > 0 {
		way.Add(outcomes)
		c.values.Add(values)
	}
}
