package codec

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/vmihailenco/tagparser/v2"
)

// field is a key of a struct on the wire.
type field struct {
	name      string
	index     []int // path from the struct, through embedded ones
	typ       reflect.Type
	omitEmpty bool
	intern    bool
}

// layout is how a struct crosses, by the tags that the library documents. The
// fields of an embedded struct stand among those of the outer one, as Go promotes
// them, unless a name would stand there twice: then the embedded struct is a value
// of its own, under the name of its type.
type layout struct {
	fields   []field        // written, in this order
	readable []field        // also read: aliases, and promoted structs as values of their own
	names    map[string]int // index in fields, or in readable behind them
	pointers []promoted
	asArray  bool

	shadowed bool // an embedded struct stands apart because of a field behind it
}

// promoted is an embedded pointer whose fields are promoted: fields[from:to].
type promoted struct {
	index    []int
	from, to int
}

// part is a field of a Go struct, and what its tag says.
type part struct {
	field
	alias  string
	inline bool // the fields of an embedded struct are to be promoted
	forced bool // by its tag
}

// layoutOf returns the layout of a struct, or why there is none.
func layoutOf(t reflect.Type) (*layout, error) {
	f, ok := t.FieldByName("_msgpack")
	options := tagparser.Parse(f.Tag.Get("msgpack"))
	asArray := ok && (options.HasOption("as_array") || options.HasOption("asArray"))
	l, err := layoutAs(t, asArray)
	if err == nil {
		l.asArray = asArray
	}
	return l, err
}

// layoutAs is layoutOf for a struct that is written as an array, where names do
// not matter, or as a map.
func layoutAs(t reflect.Type, asArray bool) (*layout, error) {
	l := &layout{names: map[string]int{}}
	parts := partsOf(t)
	own := map[string]bool{} // names that t's fields have themselves
	for _, p := range parts {
		if !p.inline {
			own[p.name], own[p.alias] = true, true
		}
	}
	delete(own, "")
	for _, p := range parts {
		inlined := false
		if p.inline {
			var err error
			if inlined, err = l.promote(p, own, asArray); err != nil {
				return nil, err
			}
		}
		if inlined {
			continue
		}
		if err := l.claim(p.name, len(l.fields), asArray); err != nil {
			return nil, err
		}
		l.fields = append(l.fields, p.field)
		if _, taken := l.names[p.alias]; p.alias != "" && !taken {
			l.names[p.alias] = unwritten
		}
	}
	for _, p := range parts {
		name := p.alias
		if p.inline {
			name = p.name
		}
		if i, taken := l.names[name]; name == "" || taken && i >= 0 {
			if name != "" && !p.inline && !asArray && !slices.Equal(l.at(i).index, p.index) {
				return nil, fmt.Errorf("two fields cross as %q; rename one by its tag", name)
			}
			continue
		}
		l.names[name] = len(l.fields) + len(l.readable)
		l.readable = append(l.readable, p.field)
	}
	return l, nil
}

// unwritten stands in names for what is not written: an alias, or the name of a
// promoted struct, which a field may take.
const unwritten = -1

func (l *layout) claim(name string, i int, asArray bool) error {
	if at, taken := l.names[name]; taken && at != unwritten && !asArray {
		return fmt.Errorf("two fields cross as %q; rename one by its tag", name)
	}
	l.names[name] = i
	return nil
}

// at returns the field that a name stands for.
func (l *layout) at(i int) *field {
	if i < len(l.fields) {
		return &l.fields[i]
	}
	return &l.readable[i-len(l.fields)]
}

// promote adds the fields of an embedded struct, and reports false if it has to
// stand apart.
func (l *layout) promote(p part, own map[string]bool, asArray bool) (bool, error) {
	if !isPlainStruct(p.typ) {
		return false, fmt.Errorf("%s cannot be inlined; leave out the option", p.name)
	}
	inner, err := layoutAs(behindPointers(p.typ), asArray)
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.name, err)
	}
	before, behind := false, inner.shadowed && !asArray
	for _, f := range inner.fields {
		_, taken := l.names[f.name]
		before = before || taken
		behind = behind || own[f.name] && !asArray
	}
	if before || behind {
		if p.forced {
			return false, fmt.Errorf("%s is inlined, and shares a name with another field; rename one by its tag", p.name)
		}
		l.shadowed = l.shadowed || behind && !before
		return false, nil
	}
	from := len(l.fields)
	for _, f := range inner.fields {
		l.names[f.name] = len(l.fields)
		f.index = slices.Concat(p.index, f.index)
		l.fields = append(l.fields, f)
	}
	for _, q := range inner.pointers {
		l.pointers = append(l.pointers, promoted{slices.Concat(p.index, q.index), from + q.from, from + q.to})
	}
	if p.typ.Kind() == reflect.Pointer {
		l.pointers = append(l.pointers, promoted{p.index, from, len(l.fields)})
	}
	if _, taken := l.names[p.name]; !taken {
		l.names[p.name] = unwritten
	}
	return true, nil
}

func partsOf(t reflect.Type) (parts []part) {
	omitEmpty := false
	for f := range t.Fields() {
		tag := tagparser.Parse(f.Tag.Get("msgpack"))
		if tag.Name == "-" {
			continue
		}
		if f.Name == "_msgpack" && tag.HasOption("omitempty") {
			omitEmpty = true
		}
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		p := part{alias: tag.Options["alias"], field: field{
			name: tag.Name, index: f.Index, typ: f.Type,
			omitEmpty: omitEmpty || tag.HasOption("omitempty"), intern: tag.HasOption("intern"),
		}}
		if p.name == "" {
			p.name = f.Name
		}
		if f.Anonymous && !tag.HasOption("noinline") {
			p.forced = tag.HasOption("inline")
			p.inline = p.forced || isPlainStruct(f.Type)
		}
		parts = append(parts, p)
	}
	return parts
}

// isPlainStruct reports whether t is a struct, or points to one, that crosses by
// its fields.
func isPlainStruct(t reflect.Type) bool {
	t = behindPointers(t)
	return t.Kind() == reflect.Struct && methodsOf(t) == methods{none, none}
}

// in returns the field in a struct; false if it stands behind a nil pointer.
func (f *field) in(v reflect.Value) (reflect.Value, bool) {
	if len(f.index) == 1 {
		return v.Field(f.index[0]), true
	}
	return follow(v, f.index)
}

func follow(v reflect.Value, index []int) (reflect.Value, bool) {
	for i, n := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

// make returns the field in a struct, after making the structs that embedded
// pointers on the way there need.
func (f *field) make(v reflect.Value) reflect.Value {
	for i, n := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v
}

type zeroer interface{ IsZero() bool }

// omitsZero reports whether the option omitempty leaves out a zero t. It never
// leaves out anything else, since that would arrive as zero.
func omitsZero(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.String:
		zero, ok := reflect.Zero(t).Interface().(zeroer)
		return !ok || zero.IsZero()
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return true
	case reflect.Array:
		return t.Len() == 0
	case reflect.Struct:
		if zero, ok := reflect.Zero(t).Interface().(zeroer); ok {
			return zero.IsZero()
		}
		l, err := layoutOf(t)
		return err == nil && !slices.ContainsFunc(l.fields, func(f field) bool { return !f.omitEmpty || !omitsZero(f.typ) })
	}
	return false
}

// isZero reports whether v is what a missing field arrives as. Unlike reflect it
// tells -0 from 0.
func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return v.Float() == 0 && !math.Signbit(v.Float())
	case reflect.Struct:
		for i := range v.NumField() {
			if !isZero(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}
