package shellmap

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// refresh is how often the progress is shown anew.
const refresh = 200 * time.Millisecond

// Progress shows on a terminal how far a run is. How much there is to do it knows
// of a file, by its bytes. All its methods may be called of nil, and concurrently.
type Progress struct {
	total int64 // bytes, or -1
	began time.Time
	tally tally

	mu    sync.Mutex // what is on the terminal
	bar   *progressbar.ProgressBar
	close chan struct{}
	gone  chan struct{}
}

// tally is what is over.
type tally struct {
	items   atomic.Int64
	failed  atomic.Int64 // of those
	bytes   atomic.Int64 // of all items
	skipped atomic.Int64 // of those that were done before
}

// NewProgress shows the progress of a run over so many bytes, or -1, until Close.
func NewProgress(w io.Writer, total int64) *Progress {
	p := &Progress{total: total, began: time.Now(), close: make(chan struct{}), gone: make(chan struct{})}
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
	)
	go p.run()
	return p
}

func (p *Progress) run() {
	defer close(p.gone)
	ticks := time.NewTicker(refresh)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			p.show()
		case <-p.close:
			return
		}
	}
}

// What cannot be shown is no loss.

func (p *Progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bar.Describe(p.tally.describe(p.total, time.Since(p.began)))
	if p.total > 0 {
		_ = p.bar.Set64(min(p.tally.bytes.Load(), p.total-1)) // to be full would end it
	}
}

// describe says how much is done, how fast, and how long the rest will take.
func (t *tally) describe(total int64, took time.Duration) string {
	items, bytes, skipped := t.items.Load(), t.bytes.Load(), t.skipped.Load()
	text := fmt.Sprintf("%d done", items)
	if failed := t.failed.Load(); failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	text += fmt.Sprintf(", %.0f/s", float64(items)/max(took.Seconds(), 1e-3))
	if total < 0 || bytes == skipped {
		return text
	}
	left := time.Duration(float64(took) * float64(max(total-bytes, 0)) / float64(bytes-skipped))
	return fmt.Sprintf("%s, %s left", text, left.Round(time.Second))
}

func (p *Progress) done(size int, failed bool) {
	if p != nil {
		p.tally.items.Add(1)
		if failed {
			p.tally.failed.Add(1)
		}
		p.tally.bytes.Add(int64(size))
	}
}

func (p *Progress) skip(size int) {
	if p != nil {
		p.tally.bytes.Add(int64(size))
		p.tally.skipped.Add(int64(size))
	}
}

// Around has do write to the terminal in place of the progress, which goes on
// below it.
func (p *Progress) Around(do func()) {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.bar.Clear()
	}
	do()
}

// Close takes the progress from the terminal.
func (p *Progress) Close() {
	if p == nil {
		return
	}
	close(p.close)
	<-p.gone
	_ = p.bar.Clear()
}
