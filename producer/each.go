package producer

import (
	"sync"
	"sync/atomic"
)

// abreast is how many questions to the broker are under way at a time, when
// there are many to ask.
const abreast = 16

// each calls do for every item, on several goroutines if there are several, until
// a call fails: a broker that is away must not be waited for once for each. It
// returns when all calls have, with the first error.
func each[T any](items []T, do func(T) error) error {
	if len(items) == 1 {
		return do(items[0])
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range min(abreast, len(items)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(items)) && failed.Load() == nil; i = next.Add(1) - 1 {
				if err := do(items[i]); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
