package scoreboard

import (
	"cmp"
	"sync/atomic"
)

const (
	// MaxNames is how many funcs a board knows by name.
	MaxNames = 256
	// MaxName is the longest name of a func that it knows, in bytes.
	MaxName = 128
	// Other is the name of what all other funcs are counted under. It cannot be a
	// func's.
	Other = "(other)"
)

type name struct {
	length atomic.Uint64
	text   [MaxName / 8]atomic.Uint64
}

// Func gives the name of a func by its index, as in a Delivery or a Span, and
// Other for what has no name there.
func (b *Board) Func(index int) string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.page == nil {
		return Other
	}
	return b.page.name(index)
}

func (p *page) name(index int) string {
	if index < 0 || index >= p.known() {
		return Other
	}
	n := &p.names[index]
	return cmp.Or(getLabel(n.length.Load(), n.text[:]), Other)
}

// known is how many names there are, whatever the worker process says.
func (p *page) known() int { return clamp(p.named.Load(), 0, MaxNames) }

// setNames notes names, and gives their indices. What does not fit has none.
func (p *page) setNames(all []string) map[string]int {
	indices := make(map[string]int, len(all))
	for _, text := range all {
		if i := len(indices); i < MaxNames && len(text) <= MaxName {
			indices[text] = i
			setText(&p.names[i].length, p.names[i].text[:], text)
		}
	}
	p.named.Store(uint64(len(indices)))
	return indices
}
