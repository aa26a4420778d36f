package broker

import (
	"time"

	"github.com/nats-io/nats.go"
)

// flight is a message whose fate is not known yet.
type flight struct {
	msg        *nats.Msg // nil: the slot is free
	done       func(seq uint64, err error)
	due        time.Time // when to send it again
	noStream   time.Time // since when "no responders" is the only answer; zero: it is not
	sends      int       // since the last answer or reconnect
	patient    bool      // waits while the stream is full
	generation uint32    // tells this flight from the slot's earlier ones
}

// flights is the table of what is in flight: slots that are used again, so
// that a steady flow of messages allocates nothing here. A token names a
// flight for ever, its slot only while it lasts.
type flights struct {
	table []flight
	free  []uint32
}

func (t *flights) len() int { return len(t.table) - len(t.free) }

func (t *flights) add(msg *nats.Msg, done func(uint64, error)) (token uint64, f *flight) {
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		slot = uint32(len(t.table))
		t.table = append(t.table, flight{})
	}
	f = &t.table[slot]
	*f = flight{msg: msg, done: done, generation: f.generation}
	return uint64(f.generation)<<32 | uint64(slot), f
}

// get returns nil for a flight that has landed. The flight is good until the
// next add.
func (t *flights) get(token uint64) *flight {
	slot, generation := uint32(token), uint32(token>>32)
	if int(slot) >= len(t.table) {
		return nil
	}
	if f := &t.table[slot]; f.msg != nil && f.generation == generation {
		return f
	}
	return nil
}

func (t *flights) remove(token uint64) (done func(uint64, error), ok bool) {
	f := t.get(token)
	if f == nil {
		return nil, false
	}
	done = f.done
	*f = flight{generation: f.generation + 1}
	t.free = append(t.free, uint32(token))
	return done, true
}

// all yields every flight. None may be added meanwhile.
func (t *flights) all(yield func(token uint64, f *flight) bool) {
	for slot := range t.table {
		f := &t.table[slot]
		if f.msg != nil && !yield(uint64(f.generation)<<32|uint64(slot), f) {
			return
		}
	}
}
