package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterfleet/muster/producer"
)

// Client returns a collector of what a client has done since it was made. It reads
// [producer.Client.Stats] at each scrape. A program with several clients registers
// each under labels of its own, see prometheus.WrapRegistererWith.
func Client(c *producer.Client) prometheus.Collector { return client{c} }

type client struct{ client *producer.Client }

var (
	clientPending   = desc("client_futures_pending", "Futures without an outcome.")
	clientSubmitted = desc("client_tasks_submitted_total", "Tasks submitted.")
	clientPublishes = desc("client_publishes_total", "Messages of tasks given to the broker, a batch being one.")
	clientBytes     = desc("client_published_bytes_total", "Bytes in the messages of tasks.")
	clientOutcomes  = desc("client_outcomes_total", "Outcomes of tasks: value, the code of the failure, not_stored or not_fetched.", "outcome")
	clientArrivals  = desc("client_handoffs_total", "Outcomes that came: direct from a worker, or stored by the broker.", "way")
)

// Describe sends the collector's metrics.
func (client) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		clientPending, clientSubmitted, clientPublishes, clientBytes, clientOutcomes, clientArrivals,
	} {
		out <- d
	}
}

// Collect sends what the metrics are now.
func (c client) Collect(out chan<- prometheus.Metric) {
	s := c.client.Stats()
	to := sink(out)
	to.gauge(clientPending, float64(s.Pending))
	to.count(clientSubmitted, s.Submitted)
	to.count(clientPublishes, s.Publishes)
	to.count(clientBytes, s.Bytes)
	to.count(clientOutcomes, s.Values, "value")
	for code, n := range s.Failed {
		to.count(clientOutcomes, n, string(code))
	}
	to.count(clientArrivals, s.Direct, "direct")
	to.count(clientArrivals, s.Stored, "stored")
}
