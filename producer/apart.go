package producer

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
)

// addChunk registers futures and publishes their tasks as one batch, or as few
// as the broker carries. It waits like add, and returns how many tasks it has
// published in how many batches; after an error the others stay unregistered.
func (b *batcher) addChunk(ctx context.Context, futures []*pending, tasks []codec.Task) (added, batches int, err error) {
	b.mu.Lock()
	defer b.unlock()
	chunk := codec.NewChunk(b.client.id, nil)
	send := func() {
		if chunk.Len() > 0 {
			b.send(chunk)
			chunk = codec.NewChunk(b.client.id, nil)
			batches++
		}
	}
	defer send() // what is registered must leave, whatever came after
	for i := range tasks {
		if chunk.Size()+taskSize(&tasks[i]) > b.limit() {
			send()
		}
		for chunk.Len() == 0 && !b.hasRoom() {
			if err := b.wait(ctx); err != nil {
				return i, batches, err
			}
		}
		if err := b.client.register(futures[i]); err != nil {
			return i, batches, err
		}
		tasks[i].N = futures[i].n
		chunk.Add(&tasks[i])
	}
	return len(tasks), batches, nil
}

// addDelayed registers p and publishes its task by itself, to be started at a
// time. It waits like add.
func (b *batcher) addDelayed(ctx context.Context, p *pending, t *codec.Task, at time.Time) error {
	b.mu.Lock()
	defer b.unlock()
	for !b.hasRoom() {
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
	if err := b.client.register(p); err != nil {
		return err
	}
	t.N = p.n
	alone := b.batchOf(b.client.id, t)
	alone.At = at
	stored := p.traits.stored
	b.sendBatch(alone, func() { close(stored) })
	return nil
}

// batchOf returns a batch of one task.
func (b *batcher) batchOf(client string, t *codec.Task) transport.Batch {
	batch := codec.NewBatch(client, nil)
	batch.Add(t)
	return transport.Batch{Queue: b.queue, Lane: int(b.lane), Data: batch.Bytes(), ID: codec.ID{Client: client, N: t.N}}
}
