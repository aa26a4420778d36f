package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// reader reads MessagePack values from a byte slice that it does not own. The
// first error sticks, and every later read gives a zero value, so a caller
// checks err once at the end of each piece.
type reader struct {
	data []byte
	at   int
	err  error

	disguised []int // where skip saw an extension that looks like a map, see source
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d", ErrMalformed, what, r.at, len(r.data))
	}
}

func (r *reader) left() int { return len(r.data) - r.at }

// take returns the next n bytes, without copying.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.fail("truncated")
		return nil
	}
	b := r.data[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

func (r *reader) byte() byte {
	if r.err != nil || r.at >= len(r.data) {
		r.fail("truncated")
		return 0
	}
	b := r.data[r.at]
	r.at++
	return b
}

// bigEndian reads a number of 1, 2, 4 or 8 bytes.
func (r *reader) bigEndian(bytes int) uint64 {
	b := r.take(bytes)
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// size reads a length of 1, 2 or 4 bytes. One that a 32-bit int cannot hold is
// longer than any message, and stays so when it is cut.
func (r *reader) size(bytes int) int {
	return int(min(r.bigEndian(bytes), math.MaxInt32))
}

func (r *reader) uint() uint64 {
	c := r.byte()
	switch {
	case c <= msgpcode.PosFixedNumHigh:
		return uint64(c)
	case c >= msgpcode.Uint8 && c <= msgpcode.Uint64:
		return r.bigEndian(1 << (c - msgpcode.Uint8))
	case c >= msgpcode.Int8 && c <= msgpcode.Int64:
		// Other implementations may send a positive number as a signed one.
		r.at--
		if v := r.int(); v >= 0 {
			return uint64(v)
		}
		r.fail("negative number where an unsigned one belongs")
	default:
		r.fail("not an unsigned number")
	}
	return 0
}

func (r *reader) int() int64 {
	c := r.byte()
	switch {
	case msgpcode.IsFixedNum(c):
		return int64(int8(c))
	case c == msgpcode.Int8:
		return int64(int8(r.bigEndian(1)))
	case c == msgpcode.Int16:
		return int64(int16(r.bigEndian(2)))
	case c == msgpcode.Int32:
		return int64(int32(r.bigEndian(4)))
	case c == msgpcode.Int64:
		return int64(r.bigEndian(8))
	case c >= msgpcode.Uint8 && c <= msgpcode.Uint64:
		r.at--
		if v := r.uint(); v <= math.MaxInt64 {
			return int64(v)
		}
		r.fail("number too large")
	default:
		r.fail("not a number")
	}
	return 0
}

// signed reads a number that fits that many bits.
func (r *reader) signed(bits int) int64 {
	v := r.int()
	if least := int64(-1) << (bits - 1); v < least || v > ^least {
		r.fail("number out of range")
		return 0
	}
	return v
}

// unsigned reads an unsigned number that fits that many bits.
func (r *reader) unsigned(bits int) uint64 {
	v := r.uint()
	if v > math.MaxUint64>>(64-bits) {
		r.fail("number out of range")
		return 0
	}
	return v
}

// str returns the bytes of a string, without copying.
func (r *reader) str() []byte {
	c := r.byte()
	var n int
	switch {
	case msgpcode.IsFixedString(c):
		n = int(c & msgpcode.FixedStrMask)
	case c == msgpcode.Str8:
		n = r.size(1)
	case c == msgpcode.Str16:
		n = r.size(2)
	case c == msgpcode.Str32:
		n = r.size(4)
	default:
		r.fail("not a string")
		return nil
	}
	return r.take(n)
}

// text returns a string, made valid UTF-8 and cut to at most most bytes: it may
// end up in a log, a terminal or a page.
func (r *reader) text(most int) string {
	b := r.str()
	return cut(string(b[:min(len(b), most+utf8.UTFMax)]), most)
}

// bin returns the bytes of a binary value, without copying.
func (r *reader) bin() []byte {
	var n int
	switch r.byte() {
	case msgpcode.Bin8:
		n = r.size(1)
	case msgpcode.Bin16:
		n = r.size(2)
	case msgpcode.Bin32:
		n = r.size(4)
	default:
		r.fail("not binary")
		return nil
	}
	return r.take(n)
}

// array returns the length of an array. Each element takes at least a byte, so a
// length beyond what is left is refused before anything is allocated for it.
func (r *reader) array() int {
	c := r.byte()
	var n int
	switch {
	case msgpcode.IsFixedArray(c):
		n = int(c & msgpcode.FixedArrayMask)
	case c == msgpcode.Array16:
		n = r.size(2)
	case c == msgpcode.Array32:
		n = r.size(4)
	default:
		r.fail("not an array")
		return 0
	}
	if n > r.left() {
		r.fail("array longer than its message")
		return 0
	}
	return n
}

// mapLen returns the number of pairs in a map, bounded like an array's length.
func (r *reader) mapLen() int {
	c := r.byte()
	var n int
	switch {
	case msgpcode.IsFixedMap(c):
		n = int(c & msgpcode.FixedMapMask)
	case c == msgpcode.Map16:
		n = r.size(2)
	case c == msgpcode.Map32:
		n = r.size(4)
	default:
		r.fail("not a map")
		return 0
	}
	if n > r.left()/2 {
		r.fail("map longer than its message")
		return 0
	}
	return n
}

// envelope reads the head that every message has, and returns the number of
// elements beyond those that this version knows.
func (r *reader) envelope(want kind, elements int) int {
	n := r.array()
	version := r.uint()
	if r.err == nil && version != Version {
		r.err = fmt.Errorf("%w: %d (this side speaks %d)", ErrVersion, version, Version)
		return 0
	}
	if got := kind(r.uint()); r.err == nil && got != want {
		r.fail(fmt.Sprintf("kind %d where %d belongs", got, want))
	}
	if r.err == nil && n < 2+elements {
		r.fail(fmt.Sprintf("envelope of %d elements where %d belong", n, 2+elements))
	}
	return n - 2 - elements
}

// close checks that a message ended where its data does, after passing over
// extra elements that a later minor revision may have added.
func (r *reader) close(extra int) error {
	r.skipAll(extra)
	if r.err == nil && r.left() > 0 {
		r.fail("bytes after the end")
	}
	return r.err
}

func (r *reader) bool() bool {
	switch r.byte() {
	case msgpcode.True:
		return true
	case msgpcode.False:
	default:
		r.fail("not a boolean")
	}
	return false
}
