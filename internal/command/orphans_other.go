//go:build unix && !linux

package command

// Elsewhere orphans go to the system's first process, and live as long as the
// worker process's group.

func adoptOrphans() error { return nil }

func endOrphans(int, []int) error { return nil }
