// Package recent remembers the latest of many things, in bounded space.
package recent

// Set has the elements that were added last, up to a number.
type Set[T comparable] struct {
	max   int
	slots map[T]int // of an element, in order
	order []T       // a ring, once full
	next  int       // slot to use again
}

// NewSet returns a set of at most max elements, which must be positive.
func NewSet[T comparable](max int) Set[T] { return Set[T]{max: max, slots: map[T]int{}} }

// Add adds an element, if need be in place of the one that was added first. One that is
// there stays where it is.
func (s *Set[T]) Add(element T) {
	if s.Has(element) {
		return
	}
	slot := s.next
	if len(s.order) < s.max {
		slot = len(s.order)
		s.order = append(s.order, element)
	} else {
		if old := s.order[slot]; s.slots[old] == slot {
			delete(s.slots, old)
		}
		s.order[slot] = element
		s.next = (slot + 1) % s.max
	}
	s.slots[element] = slot
}

// Has reports whether an element is there.
func (s *Set[T]) Has(element T) bool {
	if len(s.slots) == 0 {
		return false
	}
	_, found := s.slots[element]
	return found
}

// Remove removes an element, and reports whether it was there.
func (s *Set[T]) Remove(element T) bool {
	found := s.Has(element)
	delete(s.slots, element)
	return found
}

// Len returns the number of elements.
func (s *Set[T]) Len() int { return len(s.slots) }
