package top

import (
	"strings"
	"time"
)

// bar shows a part of a whole in a number of characters.
func bar(part, whole, width int) string {
	full := 0
	if whole > 0 {
		full = min(part*width/whole, width)
	}
	if full == 0 && part > 0 && whole > 0 {
		full = 1
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// fill shows how much something is of the most, at most width characters.
func fill(n, most uint64, width int) string {
	if n == 0 {
		return ""
	}
	return strings.Repeat("█", max(int(n*uint64(width)/most), 1))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
