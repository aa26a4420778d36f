package dash

import "hash/fnv"

const (
	colours  = 12   // that the stylesheet has
	maxFuncs = 4096 // whose colours are remembered
)

// palette assigns colors to funcs. One follows from the name, so that it is the
// same tomorrow; unless another func has it, while there are others left.
type palette struct {
	of    map[string]int
	taken [colours]bool
}

func newPalette() *palette { return &palette{of: map[string]int{}} }

func (p *palette) colour(name string) int {
	if c, known := p.of[name]; known {
		return c
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name)) // never fails
	wanted := int(hash.Sum32() % colours)
	for i := range colours {
		if c := (wanted + i) % colours; !p.taken[c] {
			wanted = c
			break
		}
	}
	if len(p.of) < maxFuncs {
		p.of[name], p.taken[wanted] = wanted, true
	}
	return wanted
}
