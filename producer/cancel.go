package producer

import "github.com/musterfleet/muster/codec"

// maxCancelIDs bounds the tasks named in one cancel request, each with at most
// nine bytes.
const maxCancelIDs = 4096

// CancelPending cancels every future that is not known to have started, as
// [Future.Cancel] does, and gives how many it cancelled. It mirrors the
// cancel_futures of Executor.shutdown.
func (c *Client) CancelPending() int { return c.cancel(false, c.registry.all()...) }

// cancel cancels those of the futures that are not known to have started, or all
// that are not done if running ones may be stopped; it tells the workers in few
// messages, runs the futures' callbacks, and gives how many it cancelled.
func (c *Client) cancel(running bool, futures ...*pending) int {
	c.callbacks.running.begin() // so that Close waits for those that come below
	defer c.callbacks.running.end()
	cancelled := 0
	numbers := map[*batcher][]uint64{}
	var due []*calls
	for _, p := range futures {
		callbacks, ok := p.cancel(running)
		if !ok {
			continue
		}
		cancelled++
		c.registry.take(p.n)
		numbers[p.batch] = append(numbers[p.batch], p.n)
		if len(callbacks) > 0 {
			due = append(due, &calls{of: p, rest: callbacks})
		}
	}
	for b, numbers := range numbers {
		b.requestCancel(running, numbers)
	}
	for _, calls := range due {
		<-c.callbacks.run(calls)
	}
	return cancelled
}

// requestCancel asks the queue's workers not to start tasks, or to stop them.
func (b *batcher) requestCancel(running bool, numbers []uint64) {
	most := max(1, min(maxCancelIDs, b.limit()/9))
	for len(numbers) > 0 {
		n := min(most, len(numbers))
		request := codec.AppendCancel(nil, b.client.id, running, numbers[:n]...)
		if err := b.client.transport.Cancel(b.queue, request); err != nil {
			b.client.logger.Warn("a cancel request could not be sent", "queue", b.queue, "tasks", n, "error", err)
		}
		numbers = numbers[n:]
	}
}
