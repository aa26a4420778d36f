package producer

// load is the tasks of one func that one batcher has published, as far as they are
// pending.
type load struct {
	*runTimes
	live int // under the registry's lock
}

// mostLoads bounds the funcs of a batcher whose tasks count as work under way; the
// names of more than that are made up.
const mostLoads = 256

// load gives the load of a func.
func (b *batcher) load(name string) *load {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.loads[name]
	if l == nil {
		l = &load{runTimes: b.client.runTimes.of(name)}
		if len(b.loads) < mostLoads {
			b.loads[name] = l
			b.counted = append(b.counted, l)
		}
	}
	return l
}
