package producer

import (
	"context"
	"sync"
	"sync/atomic"
)

// abreast is how many questions to the broker are under way at a time, when
// there are many to ask.
const abreast = 16

// each calls do for every item, on several goroutines if there are several, and
// returns when all calls have.
func each[T any](items []T, do func(T)) {
	if len(items) == 1 {
		do(items[0])
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(abreast, len(items)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(items)); i = next.Add(1) - 1 {
				do(items[i])
			}
		})
	}
	all.Wait()
}

// chore has something done that ends by itself soon, if it is needed, and for
// which Close waits.
func (c *Client) chore(do func(context.Context), needed bool) {
	if !needed {
		return
	}
	c.chores.begin()
	go func() {
		defer c.chores.end()
		do(context.Background())
	}()
}
