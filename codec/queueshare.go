package codec

import (
	"slices"
	"strconv"
	"strings"
)

// QueueShare is a queue that a host serves, with its share of what the host starts; see
// package pool. Weight is 0 where the order of the queues is strict.
type QueueShare struct {
	Name   string `json:"name"`
	Weight int    `json:"weight,omitempty"`
}

// FormatQueues returns queues as the flag --queue has them: "a,b=3".
func FormatQueues(queues []QueueShare) string {
	var text strings.Builder
	for i, q := range queues {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(q.Name)
		if q.Weight > 0 {
			text.WriteByte('=')
			text.WriteString(strconv.Itoa(q.Weight))
		}
	}
	return text.String()
}

// Serves returns the queues that the host serves.
func (h HostStatus) Serves() []QueueShare {
	if len(h.Queues) > 0 {
		return h.Queues
	}
	return []QueueShare{{Name: h.Queue}}
}

// ServesQueue reports whether the host serves a queue.
func (h HostStatus) ServesQueue(name string) bool {
	return slices.ContainsFunc(h.Serves(), func(q QueueShare) bool { return q.Name == name })
}

// QueueText returns the queues that the host serves as [FormatQueues] does.
func (h HostStatus) QueueText() string { return FormatQueues(h.Serves()) }
