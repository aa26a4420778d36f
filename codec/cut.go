package codec

import (
	"strings"
	"unicode/utf8"
)

// cut returns the beginning of s, at most most bytes of valid UTF-8.
func cut(s string, most int) string {
	// Shortened before it is mended, so that the cost is bounded, and after it,
	// since mending lengthens.
	s = strings.ToValidUTF8(s[:min(len(s), most+utf8.UTFMax)], "\uFFFD")
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// cutFront returns the end of s, at most most bytes of valid UTF-8.
func cutFront(s string, most int) string {
	s = strings.ToValidUTF8(s[max(0, len(s)-most-utf8.UTFMax):], "\uFFFD")
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	for !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}
