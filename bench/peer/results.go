package peer

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Some peers bring no outcomes back to who submitted. The benchmark does it for
// them, by the pipe that is the worker process's stdout; what their own
// documentation offers, polling, would be slower.

const resultSize = 16

// resultWriter collects outcomes while the pipe is busy with others. It is safe
// for concurrent use.
type resultWriter struct {
	out   io.Writer
	mu    sync.Mutex
	buf   []byte
	spare []byte
	busy  bool
}

func (w *resultWriter) add(client, outcome uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = binary.LittleEndian.AppendUint64(w.buf, client)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, outcome)
	if w.busy {
		return // whoever writes now writes this too
	}
	w.busy = true
	for len(w.buf) > 0 {
		batch := w.buf
		w.buf = w.spare[:0]
		w.mu.Unlock()
		_, _ = w.out.Write(batch) // fails when the parent is gone
		w.mu.Lock()
		w.spare = batch
	}
	w.busy = false
}

// board has the bursts that wait for outcomes, by client.
type board struct {
	mu      sync.Mutex
	tallies map[uint64]*tally
}

func (b *board) expect(client uint64, t *tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tallies == nil {
		b.tallies = map[uint64]*tally{}
	}
	b.tallies[client] = t
}

// collect reads what a resultWriter writes until the worker process ends. Then
// no burst can succeed any more.
func (b *board) collect(c *child) {
	record := make([]byte, resultSize)
	for {
		if _, err := io.ReadFull(c.stdout, record); err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, t := range b.tallies {
				t.fail(fmt.Errorf("the worker process has ended: %s", c.errors))
			}
			return
		}
		b.mu.Lock()
		t := b.tallies[binary.LittleEndian.Uint64(record)]
		b.mu.Unlock()
		if t != nil {
			t.add(binary.LittleEndian.Uint64(record[8:]))
		}
	}
}
