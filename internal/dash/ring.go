package dash

import "iter"

// ring holds the latest of the items that were added, each with its number from 0.
type ring[T any] struct {
	most  int
	items []T // item n is at n modulo most
	added uint64
}

func newRing[T any](most int) *ring[T] { return &ring[T]{most: most} }

func (r *ring[T]) add(item T) {
	if len(r.items) < r.most {
		r.items = append(r.items, item)
	} else {
		r.items[r.added%uint64(r.most)] = item
	}
	r.added++
}

// since yields the items from number n on that are still held, the oldest first.
func (r *ring[T]) since(n uint64) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for n = max(n, r.added-uint64(len(r.items))); n < r.added; n++ {
			if !yield(&r.items[n%uint64(r.most)]) {
				return
			}
		}
	}
}

// backwards yields all that are held, the latest first.
func (r *ring[T]) backwards() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for n := r.added; n > r.added-uint64(len(r.items)); n-- {
			if !yield(&r.items[(n-1)%uint64(r.most)]) {
				return
			}
		}
	}
}
