package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// fault is one thing that goes wrong.
type fault struct {
	at    float64 // when, as a part of the run: from 0 to 1
	kind  *kind
	pick  uint64        // chooses whom it strikes
	lasts time.Duration // until what it strikes is well again, or started again
}

func (f fault) String() string {
	return fmt.Sprintf("%.4f %s #%d for %v", f.at, f.kind.name, f.pick%100, f.lasts)
}

// plan is the faults of a run in order.
type plan []fault

func (p plan) String() string {
	var lines []string
	for _, f := range p {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// The planned part of a run leaves out its very beginning, when there is nothing
// to break, and its end.
const (
	firstAt = 0.02
	lastAt  = 0.98
)

// drawPlan draws n faults of any kind. The same seed gives the same plan.
func drawPlan(seed uint64, n int) plan {
	random := rand.New(rand.NewPCG(seed, 1))
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	var p plan
	for range n {
		drawn := random.IntN(total)
		i := 0
		for ; drawn >= kinds[i].weight; i++ {
			drawn -= kinds[i].weight
		}
		p = append(p, drawFault(random, kinds[i]))
	}
	return p.sorted()
}

// drawCounts draws so many faults of each kind.
func drawCounts(seed uint64, counts map[*kind]int) plan {
	random := rand.New(rand.NewPCG(seed, 2))
	var p plan
	for _, k := range kinds {
		for range counts[k] {
			p = append(p, drawFault(random, k))
		}
	}
	return p.sorted()
}

func drawFault(random *rand.Rand, k *kind) fault {
	return fault{
		at:    firstAt + random.Float64()*(lastAt-firstAt),
		kind:  k,
		pick:  random.Uint64(),
		lasts: time.Duration(random.Int64N(int64(k.most))).Round(time.Millisecond),
	}
}

func (p plan) sorted() plan {
	slices.SortFunc(p, func(a, b fault) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return p
}
