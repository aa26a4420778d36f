package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterfleet/muster/fleet"
)

// Queues returns a collector of how queues stand: those named, or all that there
// are. It asks the broker, for at most two seconds a scrape, and once a second
// however often it is scraped. A broker that does not answer makes
// muster_queues_up 0, and the other metrics are absent. A queue that was named and
// is not there has no metrics.
func Queues(f *fleet.Fleet, names ...string) prometheus.Collector {
	return &queues{fleet: f, names: names}
}

const (
	queuesTimeout = 2 * time.Second
	queuesFresh   = time.Second
)

type queues struct {
	fleet *fleet.Fleet
	names []string

	mu  sync.Mutex // held while the broker is asked: others want the same answer
	at  time.Time
	all []fleet.Queue
	ok  bool
}

var (
	queuesUp       = desc("queues_up", "Whether the broker could be asked how the queues stand: 1 or 0.")
	queueWaiting   = desc("queue_messages_waiting", "Messages that have not been delivered; a batch of tasks is one.", "queue", "lane")
	queueInFlight  = desc("queue_messages_in_flight", "Messages that a host has, or has given back.", "queue", "lane")
	queueScheduled = desc("queue_tasks_scheduled", "Tasks that wait for their time: delayed, or to be retried.", "queue")
	queueDead      = desc("queue_dead_letters", "Dead letters.", "queue")
	queueOldest    = desc("queue_oldest_seconds", "Age of the oldest message of the queue, running ones included; 0 if there is none.", "queue")
	queueBytes     = desc("queue_bytes", "Size of the queue's messages.", "queue")
	queuePaused    = desc("queue_paused", "Whether the delivery of a lane's messages is paused: 1 or 0.", "queue", "lane")
)

// Describe sends the collector's metrics.
func (*queues) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queuesUp, queueWaiting, queueInFlight, queueScheduled, queueDead, queueOldest, queueBytes, queuePaused,
	} {
		out <- d
	}
}

// Collect sends what the metrics are now.
func (q *queues) Collect(out chan<- prometheus.Metric) {
	all, ok := q.look()
	to := sink(out)
	to.gauge(queuesUp, truth(ok))
	for _, queue := range all {
		for _, lane := range queue.Lanes {
			to.gauge(queueWaiting, float64(lane.Waiting), queue.Name, lane.Name)
			to.gauge(queueInFlight, float64(lane.InFlight), queue.Name, lane.Name)
			to.gauge(queuePaused, truth(lane.Paused), queue.Name, lane.Name)
		}
		age := 0.0
		if !queue.Oldest.IsZero() {
			age = max(time.Since(queue.Oldest).Seconds(), 0)
		}
		to.gauge(queueOldest, age, queue.Name)
		to.gauge(queueScheduled, float64(queue.Scheduled), queue.Name)
		to.gauge(queueDead, float64(queue.Dead), queue.Name)
		to.gauge(queueBytes, float64(queue.Bytes), queue.Name)
	}
}

// look asks the broker, unless somebody has just done so.
func (q *queues) look() ([]fleet.Queue, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.at.IsZero() && time.Since(q.at) < queuesFresh {
		return q.all, q.ok
	}
	ctx, cancel := context.WithTimeout(context.Background(), queuesTimeout)
	defer cancel()
	all, err := q.ask(ctx)
	q.at, q.all, q.ok = time.Now(), all, err == nil
	return q.all, q.ok
}

func (q *queues) ask(ctx context.Context) (all []fleet.Queue, err error) {
	if len(q.names) == 0 {
		return q.fleet.Queues(ctx)
	}
	for _, name := range q.names {
		queue, err := q.fleet.Queue(ctx, name)
		if errors.Is(err, fleet.ErrNoQueue) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, queue)
	}
	return all, nil
}
