package main

import (
	"fmt"
	"strconv"
)

// count gives a number with its noun, in the plural unless it is 1.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	ending := "s"
	if noun[len(noun)-1] == 's' {
		ending = "es"
	}
	return fmt.Sprintf("%s %s%s", thousands(n), noun, ending)
}

// thousands gives a number with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
