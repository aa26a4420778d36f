package scoreboard

// HandedDirect notes that clients have taken n more outcomes. It may be called
// beside everything but Close, as may HandedStored.
func (b *Board) HandedDirect(n uint64) { b.page.direct.Add(n) }

// HandedStored notes that the broker keeps n more outcomes.
func (b *Board) HandedStored(n uint64) { b.page.stored.Add(n) }

// HandOffs returns how many outcomes went each way, since New.
func (b *Board) HandOffs() (direct, stored uint64) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.page == nil {
		return 0, 0
	}
	return min(b.page.direct.Load(), mostCount), min(b.page.stored.Load(), mostCount)
}
