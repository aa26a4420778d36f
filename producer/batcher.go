package producer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
)

// Bounds of a batch and of what is under way to the broker.
const (
	maxBatchTasks = 1024
	maxBatchBytes = 128 << 10
	// eager is how many publishes may be in flight while a batch that is not
	// full is published at once; beyond it, tasks collect (group commit).
	eager = 2
	// window and windowBytes are what may be in flight before Submit waits.
	window      = 256
	windowBytes = 16 << 20
	// envelope is what a message holds besides its tasks' own bytes, at most.
	envelope = 1 << 10
	// smallTask is a task that fits into a message of any broker's.
	smallTask = 1 << 10
	// maxChunk is the largest chunk that Map may be asked for.
	maxChunk = codec.MaxTasks
)

// batcher collects the tasks for one lane of a queue into batches, and publishes
// them.
type batcher struct {
	client *Client
	queue  string
	lane   Lane

	mu       sync.Mutex
	open     *codec.BatchBuilder // tasks not yet published
	begun    uint64              // batches so far, with open
	work     time.Duration       // expected run time of open
	maxWork  time.Duration       // that it shall have
	most     int                 // bytes that it may have, by what the broker said when it began
	lingers  bool                // it waits for more tasks although it could be published
	late     *time.Timer         // ends that; made when the first one lingers
	vain     int                 // batches that shall not
	spare    [][]byte            // space of batches that are stored, for those to come
	taken    []func()            // begin batches that a host in this program has taken
	inFlight int
	bytes    int              // in flight
	room     chan struct{}    // closed when a publish ends; made when somebody waits
	loads    map[string]*load // by func
}

func newBatcher(client *Client, queue string, lane Lane) *batcher {
	b := &batcher{client: client, queue: queue, lane: lane, loads: map[string]*load{}}
	b.begin()
	return b
}

// begin opens another batch, in space of an earlier one if there is any.
func (b *batcher) begin() {
	var space []byte
	if last := len(b.spare) - 1; last >= 0 {
		space, b.spare = b.spare[last], b.spare[:last]
	}
	b.open, b.work, b.lingers = codec.NewBatch(b.client.id, space), 0, false
	b.begun++
}

// add registers p and puts its task into a batch, whose number it gives. It waits
// while the window is full, until ctx ends or the client closes.
func (b *batcher) add(ctx context.Context, p *pending, t *codec.Task) (batch uint64, err error) {
	b.mu.Lock()
	defer b.unlock()
	if err := b.admit(ctx, p, taskSize(t)); err != nil {
		return 0, err
	}
	t.N = p.n
	b.open.Add(t)
	return b.added(p), nil
}

// addCall is add for a task without options.
func (b *batcher) addCall(ctx context.Context, p *pending, name string, arg []byte) (batch uint64, err error) {
	b.mu.Lock()
	defer b.unlock()
	if err := b.admit(ctx, p, len(name)+len(arg)+taskOverhead); err != nil {
		return 0, err
	}
	b.open.AddCall(p.n, name, arg)
	return b.added(p), nil
}

// admit waits until the open batch can take a task of that size, and registers
// its future.
func (b *batcher) admit(ctx context.Context, p *pending, size int) error {
	for b.open.Len() > 0 && (b.full() || b.open.Size()+size > b.most) {
		if b.hasRoom() {
			b.publish()
			break
		}
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
	if err := b.client.register(p); err != nil {
		return err
	}
	if b.open.Len() == 0 {
		b.most = b.limit()
		b.measure()
	}
	return nil
}

// added publishes the open batch if it is time, now that p's task is in it, and
// gives the batch's number.
func (b *batcher) added(p *pending) (batch uint64) {
	batch = b.begun
	b.work += p.load.expect(backlogWork) // what is not known may be long
	if b.full() && b.hasRoom() || b.inFlight < eager && !b.lingers {
		b.publish()
	}
	return batch
}

func (b *batcher) hasRoom() bool { return b.inFlight < window && b.bytes < windowBytes }

func (b *batcher) full() bool {
	return b.open.Len() >= maxBatchTasks || b.open.Size() >= maxBatchBytes || b.work >= b.maxWork
}

// limit is how large a message may become.
func (b *batcher) limit() int { return b.client.transport.MaxPayload() - envelope }

// wait waits, without the lock, until a publish has ended.
func (b *batcher) wait(ctx context.Context) error {
	if b.room == nil {
		b.room = make(chan struct{})
	}
	room := b.room
	b.unlock()
	defer b.mu.Lock()
	select {
	case <-room:
		return nil
	case <-b.client.life.Done():
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("producer: waiting to publish to queue %s: %w%s", b.queue, ended(ctx), b.client.trouble())
	}
}

// publish sends the open batch, if there is anything in it.
func (b *batcher) publish() {
	if b.open.Len() == 0 {
		return
	}
	b.send(b.open)
	b.begin()
}

func (b *batcher) send(batch *codec.BatchBuilder) {
	b.sendBatch(transport.Batch{Queue: b.queue, Lane: int(b.lane), Data: batch.Bytes()}, nil)
}

// sendBatch sends a batch, unless a host in this program takes it, which none does with
// one for later. It calls then, unless that is nil, once the batch is stored or never
// will be.
func (b *batcher) sendBatch(batch transport.Batch, then func()) {
	data := batch.Data
	if host := b.client.transport.Local(); host != nil {
		if begin, ok := host.Take(batch); ok {
			b.client.counters.publish(data)
			b.taken = append(b.taken, begin)
			b.keep(data)
			return
		}
	}
	b.inFlight++
	b.bytes += len(data)
	b.client.counters.publish(data)
	b.client.transport.Send(batch, func(err error) {
		b.published(data, err)
		if then != nil {
			then()
		}
	})
}

// keep keeps a batch's space for another.
func (b *batcher) keep(data []byte) {
	if len(b.spare) < eager {
		b.spare = append(b.spare, data)
	}
}

// unlock releases the lock, and has what a host in this program has taken begin.
func (b *batcher) unlock() {
	taken := b.taken
	b.taken = nil
	b.mu.Unlock()
	for _, begin := range taken {
		begin()
	}
}

// published takes note that a batch is stored, or will not be.
func (b *batcher) published(data []byte, err error) {
	if err != nil {
		b.client.failBatch(data, err)
	}
	b.mu.Lock()
	defer b.unlock()
	b.inFlight--
	b.bytes -= len(data)
	b.keep(data)
	if b.full() || b.inFlight < eager && !b.lingers {
		b.publish()
	}
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
}

// flush waits until every task added so far is stored, or its future failed.
func (b *batcher) flush(ctx context.Context) error {
	b.mu.Lock()
	defer b.unlock()
	for b.open.Len() > 0 || b.inFlight > 0 {
		b.publishNow()
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fits reports whether a task fits into a message of the broker's.
func (b *batcher) fits(t *codec.Task) bool {
	size := taskSize(t)
	return size <= smallTask || size <= b.limit()
}

// taskOverhead bounds what a task takes beside its texts and its argument.
const taskOverhead = 256

// taskSize bounds a task's encoded length from above.
func taskSize(t *codec.Task) int {
	size := len(t.Arg) + len(t.Func) + len(t.Key) + taskOverhead
	for k, v := range t.Header {
		size += len(k) + len(v) + 10
	}
	return size
}
