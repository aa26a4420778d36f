package codec

import (
	"encoding/binary"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Version is the version of the wire format that this package writes, and the
// only one it reads.
const Version = 1

// kind tells what an envelope carries; it is the second element of each.
type kind uint64

const (
	kindBatch    kind = 1
	kindOutcomes kind = 2
	kindReceipt  kind = 3
	kindCancel   kind = 4
	kindStarted  kind = 5
	kindProgress kind = 6
	kindDead     kind = 7
)

// Limits of what is accepted from the wire.
const (
	// MaxTasks is the most tasks in one batch, and outcomes in one message.
	MaxTasks = 1 << 16
	// MaxName is the longest name of a func or a client, in bytes.
	MaxName = 128
	// MaxDepth is how deeply an argument or a result may nest.
	MaxDepth = 128
)

// The writers append one MessagePack value to dst in its shortest form.

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v <= math.MaxInt8:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, msgpcode.Uint8, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Uint16), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, msgpcode.Uint32), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(dst, msgpcode.Uint64), v)
	}
}

func appendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return appendUint(dst, uint64(v))
	}
	switch {
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, msgpcode.Int8, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Int16), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, msgpcode.Int32), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(dst, msgpcode.Int64), uint64(v))
	}
}

func appendString(dst []byte, s string) []byte {
	return append(appendStringLen(dst, len(s)), s...)
}

func appendStringLen(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, msgpcode.FixedStrLow|byte(n))
	case n <= math.MaxUint8:
		return append(dst, msgpcode.Str8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Str16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, msgpcode.Str32), uint32(n))
	}
}

func appendBin(dst, b []byte) []byte {
	return append(appendBinLen(dst, len(b)), b...)
}

func appendBinLen(dst []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(dst, msgpcode.Bin8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Bin16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, msgpcode.Bin32), uint32(n))
	}
}

func appendArrayLen(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, msgpcode.FixedArrayLow|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, msgpcode.Array16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, msgpcode.Array32), uint32(n))
	}
}

// appendArray32 appends an array header of five bytes whatever the length, so
// that it can be written before the length is known and set later.
func appendArray32(dst []byte) []byte {
	return append(dst, msgpcode.Array32, 0, 0, 0, 0)
}

func appendMapLen(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, msgpcode.FixedMapLow|byte(n))
	}
	return binary.BigEndian.AppendUint16(append(dst, msgpcode.Map16), uint16(n))
}

func appendEnvelope(dst []byte, k kind, elements int) []byte {
	dst = appendArrayLen(dst, 2+elements)
	dst = appendUint(dst, Version)
	return appendUint(dst, uint64(k))
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, msgpcode.True)
	}
	return append(dst, msgpcode.False)
}
