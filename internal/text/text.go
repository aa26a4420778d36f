// Package text puts numbers, times and what strangers wrote into a form for
// people to read.
package text

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

type number interface{ int | int64 | uint64 }

// Count returns a number with its noun, in the plural unless it is 1.
func Count[N number](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	switch noun[len(noun)-1] {
	case 's':
		noun += "es"
	case 'y':
		noun = noun[:len(noun)-1] + "ies"
	default:
		noun += "s"
	}
	return Thousands(n) + " " + noun
}

// Thousands returns a number with commas.
func Thousands[N number](n N) string {
	digits, sign := fmt.Sprint(n), ""
	if n < 0 {
		digits, sign = digits[1:], "-"
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// Age tells how long before now something was, in its largest unit, and "-" of
// the zero time.
func Age(t, now time.Time) string {
	d := max(now.Sub(t), 0)
	switch {
	case t.IsZero():
		return "-"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}

// Bytes returns a size in its largest unit.
func Bytes(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, units := float64(n)/1024, []string{"KiB", "MiB", "GiB", "TiB"}
	for size >= 1024 && len(units) > 1 {
		size, units = size/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}

// Short returns the first line of a text, of at most most characters.
func Short(text string, most int) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	n := 0
	for at := range line {
		if n == most {
			line, more = line[:at], true
			break
		}
		n++
	}
	if more {
		line += "…"
	}
	return line
}

// Printable replaces what would confuse a terminal in a line that may have come
// from anywhere.
func Printable(line string) string {
	return strings.Map(func(r rune) rune {
		if Hidden(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, line)
}

// Hidden reports whether a character is not seen but does something: steers a
// terminal, ends a line, or turns the order of letters around.
func Hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}
