//go:build unix && !linux

package proc

// oomKills knows nothing here: these systems do not count.
type oomKills struct{}

func ownOOMKills() *oomKills { return &oomKills{} }

func (*oomKills) explain() bool { return false }
