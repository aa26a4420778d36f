package joblog

import (
	"cmp"
	"fmt"
	"slices"
)

// Done is the items that a job log says are done, at 16 bytes each. It is asked
// in the order of the input, by one goroutine.
type Done struct {
	entries []entry // by number, once read
	next    int
}

// add adds a line if its item is done.
func (d *Done) add(line []byte, name string) error {
	e, done, err := parse(line, name)
	if done && err == nil {
		d.entries = append(d.entries, e)
	}
	return err
}

func (d *Done) sort() {
	slices.SortStableFunc(d.entries, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
}

// Has reports whether an item is done. Its number must be greater than that of
// the call before. The error wraps ErrChanged if the job log has another item by
// that number.
func (d *Done) Has(seq int, hash uint64) (bool, error) {
	d.skip(seq - 1)
	if d.next == len(d.entries) || d.entries[d.next].seq != seq {
		return false, nil
	}
	if d.entries[d.next].hash != hash {
		return false, fmt.Errorf("item %d: %w", seq, ErrChanged)
	}
	return true, nil
}

// End checks that the job log has no item after the last of the input.
func (d *Done) End(last int) error {
	if d.skip(last); d.next < len(d.entries) {
		return fmt.Errorf("it ends after %d items, before item %d: %w", last, d.entries[d.next].seq, ErrChanged)
	}
	return nil
}

func (d *Done) skip(last int) {
	for d.next < len(d.entries) && d.entries[d.next].seq <= last {
		d.next++
	}
}
