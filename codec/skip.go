package codec

import "github.com/vmihailenco/msgpack/v5/msgpcode"

// skip passes over one value of any type, in which nothing stands within more
// than MaxDepth arrays and maps.
func (r *reader) skip() {
	// pending counts the values still to pass at each level; a slice instead of
	// recursion, so that hostile nesting costs neither stack nor a crash.
	var levels [MaxDepth + 1]int
	level := 0
	levels[0] = 1
	for r.err == nil {
		for levels[level] == 0 {
			if level == 0 {
				return
			}
			level--
		}
		levels[level]--
		if children := r.head(); children > 0 {
			if level++; level > MaxDepth {
				r.fail("nested too deeply")
				return
			}
			levels[level] = children
		}
	}
}

// skipAll passes over n values.
func (r *reader) skipAll(n int) {
	for ; n > 0 && r.err == nil; n-- {
		r.skip()
	}
}

// head passes over the head of a value, and its payload if it is not a
// container, and returns the number of values it contains.
func (r *reader) head() int {
	switch c := r.byte(); {
	case msgpcode.IsFixedNum(c), c == msgpcode.Nil, c == msgpcode.True, c == msgpcode.False:
	case msgpcode.IsFixedString(c), c == msgpcode.Str8, c == msgpcode.Str16, c == msgpcode.Str32:
		r.at--
		r.str()
	case c == msgpcode.Bin8, c == msgpcode.Bin16, c == msgpcode.Bin32:
		r.at--
		r.bin()
	case msgpcode.IsFixedArray(c), c == msgpcode.Array16, c == msgpcode.Array32:
		r.at--
		return r.array()
	case msgpcode.IsFixedMap(c), c == msgpcode.Map16, c == msgpcode.Map32:
		r.at--
		return 2 * r.mapLen()
	case c == msgpcode.Uint8, c == msgpcode.Int8:
		r.take(1)
	case c == msgpcode.Uint16, c == msgpcode.Int16:
		r.take(2)
	case c == msgpcode.Uint32, c == msgpcode.Int32, c == msgpcode.Float:
		r.take(4)
	case c == msgpcode.Uint64, c == msgpcode.Int64, c == msgpcode.Double:
		r.take(8)
	case msgpcode.IsFixedExt(c):
		r.ext(1 << (c - msgpcode.FixExt1))
	case c == msgpcode.Ext8:
		r.ext(r.size(1))
	case c == msgpcode.Ext16:
		r.ext(r.size(2))
	case c == msgpcode.Ext32:
		r.ext(r.size(4))
	default:
		r.fail("not a MessagePack value")
	}
	return 0
}

// ext passes over an extension's type and its payload of n bytes.
func (r *reader) ext(n int) {
	r.byte()
	if b := r.take(n); len(b) > 0 && (b[0] == msgpcode.Map16 || b[0] == msgpcode.Map32) {
		r.disguised = append(r.disguised, r.at-n)
	}
}
