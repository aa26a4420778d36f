package pool

import (
	"sync/atomic"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// handed counts outcomes in safe hands: the supervisor's own, and those of
// processes that are gone.
type handed struct{ direct, stored atomic.Uint64 }

// HandedDirect counts outcomes that clients have taken.
func (h *handed) HandedDirect(n uint64) { h.direct.Add(n) }

// HandedStored counts outcomes that the broker keeps.
func (h *handed) HandedStored(n uint64) { h.stored.Add(n) }

// addBoard adds what a process that is gone has counted.
func (h *handed) addBoard(b *scoreboard.Board) {
	direct, stored := b.HandOffs()
	h.HandedDirect(direct)
	h.HandedStored(stored)
}

// handOffs counts all outcomes that the host has handed off; s.mu is held.
func (s *Supervisor) handOffs() codec.HandOffs {
	all := codec.HandOffs{Direct: s.handed.direct.Load(), Stored: s.handed.stored.Load()}
	for _, c := range s.childrenLocked() {
		direct, stored := c.board.HandOffs()
		all.Direct += direct
		all.Stored += stored
	}
	return all
}
