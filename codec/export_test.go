package codec

import "reflect"

// EncodeValue is AppendValue for a type that only reflection knows.
func EncodeValue(v reflect.Value) ([]byte, error) { return encodeValue(nil, v) }

// DecodeValue is Value for a type that only reflection knows.
func DecodeValue(data []byte, v reflect.Value) error { return decodeValue(data, v) }
