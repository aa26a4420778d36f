package chaos

import (
	"context"
	"sync"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// askAgain bounds the durable tasks whose outcome a client asks for though its
// predecessor has noted it: it must be the same.
const askAgain = 50

// recall returns what clients have noted.
func recall(path string) (*index, error) {
	records, err := readRecords(path, `"client":`, string(stopped))
	if err != nil {
		return nil, err
	}
	return newIndex(records), nil
}

// attachAll attaches to the durable tasks of the clients before this one. Futures
// of accepted tasks get a place; they number awaited. Whether the others are
// stored, nobody knows.
func (h *holder) attachAll(ctx context.Context, c *producer.Client, x *index, p params) (awaited int) {
	var all sync.WaitGroup
	again := 0
	for _, t := range x.tasks {
		switch {
		case !t.durable():
			continue
		case len(t.outcomes) == 0:
		case again == askAgain:
			continue
		default:
			again++
		}
		if t.accepted {
			awaited++
		}
		all.Go(func() {
			if t.accepted {
				h.places <- struct{}{}
			}
			id, err := codec.ParseID(t.id)
			must(err)
			f, err := producer.Attach(ctx, c, drawJob(p.Seed, t.submitted.N, p.Varied).fn(), id)
			must(err)
			h.add(record{Event: attached, Client: h.client, Task: t.id})
			if t.accepted {
				h.hold(f)
			} else {
				h.watch(f)
			}
		})
	}
	all.Wait()
	return awaited
}
