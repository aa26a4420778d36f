package codec

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

func decodeInterface(d *decoder, v reflect.Value) error {
	x, err := d.any()
	if err != nil {
		return err
	}
	if x == nil {
		v.SetZero()
	} else {
		v.Set(reflect.ValueOf(x))
	}
	return nil
}

func decodeError(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	b, err := d.text()
	if err == nil {
		v.Set(reflect.ValueOf(errors.New(string(b))))
	}
	return err
}

// any takes a value of any type: see Value.
func (d *decoder) any() (any, error) {
	switch c := d.peek(); {
	case c == msgpcode.Nil:
		d.at++
		return nil, nil
	case c == msgpcode.True || c == msgpcode.False:
		return d.bool(), d.err
	case isInteger(c):
		n, large, err := d.integer()
		if large {
			return uint64(n), err
		}
		return n, err
	case c == msgpcode.Float || c == msgpcode.Double:
		return d.float(64)
	case msgpcode.IsString(c) || msgpcode.IsBin(c) || isInterned(d.data[d.at:]):
		b, err := d.text()
		return d.share.stringOf(b), err
	case isArray(c):
		n := d.array()
		list := make([]any, n)
		for i := range list {
			var err error
			if list[i], err = d.any(); err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
		}
		return list, d.err
	case isMap(c):
		return d.anyMap()
	}
	var x any
	err := d.library(func() (err error) {
		x, err = d.lib.DecodeInterfaceLoose()
		return err
	})
	return x, err
}

// anyMap takes a map: a map[string]any if its keys are strings, else a
// map[any]any.
func (d *decoder) anyMap() (any, error) {
	n := d.mapLen()
	byString := make(map[string]any, n)
	var byAny map[any]any
	for range n {
		key, err := d.any()
		if err != nil {
			return nil, fmt.Errorf("a key: %w", err)
		}
		value, err := d.any()
		if err != nil {
			return nil, fmt.Errorf("key %.60v: %w", key, err)
		}
		text, isText := key.(string)
		if isText && byAny == nil {
			byString[text] = value
			continue
		}
		if !isText && key != nil && !reflect.TypeOf(key).Comparable() {
			return nil, errors.New("an array or a map where a key belongs")
		}
		if byAny == nil {
			byAny = make(map[any]any, n)
			for k, v := range byString {
				byAny[k] = v
			}
		}
		byAny[key] = value
	}
	if byAny != nil {
		return byAny, d.err
	}
	return byString, d.err
}

// decodeStringMap is the plan of the commonest map.
func decodeStringMap(d *decoder, v reflect.Value) error {
	if d.isNil() {
		v.SetZero()
		return nil
	}
	if !isMap(d.peek()) {
		return d.mismatch("a map")
	}
	n := d.mapLen()
	m := make(map[string]any, n)
	for range n {
		key, err := d.text()
		if err != nil {
			return fmt.Errorf("a key: %w", err)
		}
		k := string(key)
		if m[k], err = d.any(); err != nil {
			return fmt.Errorf("key %.60s: %w", k, err)
		}
	}
	v.Set(reflect.ValueOf(m))
	return d.err
}
