package codec

import "reflect"

// EncodeValue is AppendValue for a type that only reflection knows.
func EncodeValue(v reflect.Value) ([]byte, error) {
	out, _, err := encodeValue(nil, v, 0)
	return out, err
}

// DecodeValue is Value for a type that only reflection knows.
func DecodeValue(data []byte, v reflect.Value) error { return decodeValue(data, v, 0) }

// EncodeSharedValue is EncodeValue that shares every string and byte slice it may.
func EncodeSharedValue(v reflect.Value) (Encoded, error) { return encodeSharedValue(nil, v, 1) }

// DecodeSharedValue is DecodeValue that shares every string and byte slice it may.
func DecodeSharedValue(data []byte, v reflect.Value) error { return decodeValue(data, v, 1) }
