package codec

import "bytes"

// ErrorValue is an error of a type that a func lists, encoded.
type ErrorValue struct {
	Type string // key of the type
	Data []byte
}

// Bounds on what a failure carries besides text.
const (
	maxSentinels   = 64
	maxValues      = 64
	maxValue       = 32 << 10 // bytes of one
	maxValuesBytes = 64 << 10 // bytes of all
)

// sendable returns those of values that are within the bounds; the others are
// left out, since half a value is none.
func sendable(values []ErrorValue) (list []ErrorValue) {
	left := maxValuesBytes
	for _, v := range values {
		if len(list) < maxValues && len(v.Data) <= min(left, maxValue) {
			list = append(list, v)
			left -= len(v.Data)
		}
	}
	return list
}

func appendSentinels(dst []byte, keys []string) []byte {
	keys = keys[:min(len(keys), maxSentinels)]
	dst = appendArrayLen(dst, len(keys))
	for _, key := range keys {
		dst = appendString(dst, cut(key, maxLabel))
	}
	return dst
}

func appendValues(dst []byte, values []ErrorValue) []byte {
	dst = appendMapLen(dst, len(values))
	for _, v := range values {
		dst = appendBin(appendString(dst, cut(v.Type, maxLabel)), v.Data)
	}
	return dst
}

func (r *reader) sentinels() (keys []string) {
	for n := r.array(); n > 0 && r.err == nil; n-- {
		if len(keys) < maxSentinels {
			keys = append(keys, r.text(maxLabel))
		} else {
			r.str()
		}
	}
	return keys
}

// errorValues reads values, and copies them: they are kept longer than the
// message.
func (r *reader) errorValues() (values []ErrorValue) {
	left := maxValuesBytes
	for n := r.mapLen(); n > 0 && r.err == nil; n-- {
		key, data := r.text(maxLabel), r.bin()
		if len(values) < maxValues && len(data) <= min(left, maxValue) {
			values = append(values, ErrorValue{Type: key, Data: bytes.Clone(data)})
			left -= len(data)
		}
	}
	return values
}
