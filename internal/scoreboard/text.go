package scoreboard

import (
	"strings"
	"sync/atomic"
	"unsafe"
)

// setText notes a text that fits into words; one that does not is noted as none.
func setText(length *atomic.Uint64, words []atomic.Uint64, text string) {
	if len(text) > len(words)*8 {
		text = ""
	}
	length.Store(uint64(len(text)))
	for i := 0; len(text) > 0; i++ {
		var word [8]byte
		text = text[copy(word[:], text):]
		words[i].Store(*(*uint64)(unsafe.Pointer(&word)))
	}
}

// getText returns false where the length cannot be true, and for what does not
// belong into a subject: spaces and control characters would break the protocol of
// the broker that a scribbled one is sent to.
func getText(length uint64, words []atomic.Uint64) (string, bool) {
	if length > uint64(len(words)*8) {
		return "", false
	}
	var space [MaxAck]byte
	text := space[:0]
	for i := range words[:(length+7)/8] {
		word := words[i].Load()
		text = append(text, (*[8]byte)(unsafe.Pointer(&word))[:]...)
	}
	for _, c := range text[:length] {
		if c <= ' ' || c == 0x7f {
			return "", false
		}
	}
	return string(text[:length]), true
}

// getLabel gives a name that is shown to people, and nothing for one that has more
// in it than names have.
func getLabel(length uint64, words []atomic.Uint64) string {
	text, ok := getText(length, words)
	if !ok || strings.ContainsFunc(text, func(c rune) bool { return c > '~' }) {
		return ""
	}
	return text
}
