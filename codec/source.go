package codec

import (
	"bytes"
	"errors"
	"slices"
)

// source is the bytes that the library's decoder reads.
//
// Where a map belongs, the library passes over the head of an extension and
// takes its payload for the map, with a length that nobody has checked and for
// which it allocates. It is the only one to read the first byte of a payload as
// a code, so that is where source stops it.
type source struct {
	bytes.Reader
	disguised []int // payloads of extensions that look like a long map
}

var errDisguised = errors.New("extension where a map belongs")

func (s *source) reset(data []byte, disguised []int) {
	s.Reset(data)
	s.disguised = disguised
}

func (s *source) ReadByte() (byte, error) {
	if len(s.disguised) > 0 {
		if _, found := slices.BinarySearch(s.disguised, int(s.Size())-s.Len()); found {
			return 0, errDisguised
		}
	}
	return s.Reader.ReadByte()
}
