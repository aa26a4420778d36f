//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
)

// GroupMemory returns the resident memory, in bytes, of process groups. It knows
// how on Linux alone; elsewhere its error is errors.ErrUnsupported.
func GroupMemory([]int) (map[int]uint64, error) {
	return nil, fmt.Errorf("the memory of a process group: %w", errors.ErrUnsupported)
}
