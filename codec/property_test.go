package codec_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

// maker makes types and values. The same source makes the same.
type maker struct{ *rand.Rand }

// declared are types that reflection cannot make.
var declared = []reflect.Type{
	reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[*big.Int](), reflect.TypeFor[big.Int](),
	reflect.TypeFor[netip.Addr](), reflect.TypeFor[level](), reflect.TypeFor[celsius](), reflect.TypeFor[any](),
	reflect.TypeFor[custom](), reflect.TypeFor[lossy](), reflect.TypeFor[onlyText](), reflect.TypeFor[validated](),
	reflect.TypeFor[embeds](), reflect.TypeFor[Shape](), reflect.TypeFor[asArray](), reflect.TypeFor[*node](),
	reflect.TypeFor[shadowedBehind](), reflect.TypeFor[shadowedBefore](), reflect.TypeFor[shadowedTwice](),
	reflect.TypeFor[shadowedPointer](), reflect.TypeFor[shadowedWithin](), reflect.TypeFor[shadowedInArray](),
	reflect.TypeFor[sameAsItsType](), reflect.TypeFor[namedAsType](), reflect.TypeFor[pointersInArray](), reflect.TypeFor[interned](),
}

var embeddable = []reflect.Type{
	reflect.TypeFor[Model](), reflect.TypeFor[*Model](), reflect.TypeFor[Other](), reflect.TypeFor[Name](), reflect.TypeFor[Deep](),
	reflect.TypeFor[*Omitted](), reflect.TypeFor[*Pointers](), reflect.TypeFor[*Middle](), reflect.TypeFor[*Empty](),
}

var numbers = []reflect.Type{
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](),
}

func pick[T any](m maker, list []T) T { return list[m.IntN(len(list))] }

func (m maker) typ(depth int) reflect.Type {
	if depth == 0 {
		return pick(m, append(numbers, reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[[]byte]()))
	}
	switch m.IntN(9) {
	case 0:
		return reflect.PointerTo(m.typ(depth - 1))
	case 1:
		return reflect.SliceOf(m.typ(depth - 1))
	case 2:
		return reflect.ArrayOf(m.IntN(3), m.typ(depth-1))
	case 3:
		if key := m.typ(m.IntN(depth)); key.Comparable() {
			return reflect.MapOf(key, m.typ(depth-1))
		}
		return m.typ(depth - 1)
	case 4, 5:
		return m.structType(depth)
	case 6:
		return pick(m, declared)
	}
	return m.typ(0)
}

// structType makes a struct whose fields may well share names.
func (m maker) structType(depth int) reflect.Type {
	var fields []reflect.StructField
	taken := map[string]bool{}
	for range m.IntN(5) {
		f := reflect.StructField{Name: pick(m, []string{"ID", "Name", "N", "Model", "A", "B"}), Type: m.typ(depth - 1)}
		if m.IntN(3) == 0 {
			f.Type = pick(m, embeddable)
			f.Anonymous = true
			f.Name = f.Type.Name()
			if f.Type.Kind() == reflect.Pointer {
				f.Name = f.Type.Elem().Name()
			}
		}
		if f.Tag = reflect.StructTag(pick(m, []string{"", "", "", `msgpack:",omitempty"`, `msgpack:"Name"`, `msgpack:"x"`, `msgpack:",alias:ID"`, `msgpack:",inline"`, `msgpack:",noinline"`, `msgpack:"-"`})); !taken[f.Name] {
			taken[f.Name] = true
			fields = append(fields, f)
		}
	}
	return reflect.StructOf(fields)
}

// value makes a value of t; nothing is in it that a field of its own does not send.
func (m maker) value(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth > 8 || m.IntN(8) == 0 {
		return v
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(m.Int64()>>m.IntN(63)-m.Int64()>>20, m.Int64N(1e9))))
		return v
	case reflect.TypeFor[big.Int]():
		v.Set(reflect.ValueOf(*new(big.Int).Lsh(big.NewInt(m.Int64()), uint(m.IntN(100)))))
		return v
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{byte(m.Uint32()), 1, 2, 3})))
		return v
	case reflect.TypeFor[custom]():
		v.Set(reflect.ValueOf(custom{pick(m, []string{"", "fine", "too"})}))
		return v
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(m.bits()) >> (64 - t.Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(m.bits() >> (64 - t.Bits()))
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(m.Uint32())))
	case reflect.Float64:
		v.SetFloat(pick(m, []float64{math.Float64frombits(m.Uint64()), math.NaN(), math.Inf(1), math.Copysign(0, -1), 0.1, 1 << 60}))
	case reflect.String:
		v.SetString(pick(m, []string{"a", "B", " c ", "\xff", "longer than the others", strings.Repeat("s", 40)}))
	case reflect.Interface:
		if held := pick(m, []any{nil, "a", true, m.Int64(), -m.Int64(), uint64(1<<63) | m.Uint64(), 1.5, []any{int64(1), nil}, map[string]any{"k": int64(200)}, map[any]any{int64(1): "x"}}); held != nil {
			v.Set(reflect.ValueOf(held))
		}
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(m.value(t.Elem(), depth+1))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 0, 4))
		for range m.IntN(4) {
			v.Set(reflect.Append(v, m.value(t.Elem(), depth+1)))
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(m.value(t.Elem(), depth+1))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range m.IntN(4) {
			if key := m.value(t.Key(), depth+1); key.Comparable() {
				v.SetMapIndex(key, m.value(t.Elem(), depth+1))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := t.Field(i); f.Tag.Get("msgpack") != "-" && f.IsExported() {
				v.Field(i).Set(m.value(f.Type, depth+1))
			}
		}
	}
	return v
}

// bits makes numbers of every length, and those at the ends of a length.
func (m maker) bits() uint64 {
	n := uint64(1) << m.IntN(64)
	return pick(m, []uint64{m.Uint64(), n, n - 1, -n, -n - 1, m.Uint64() >> m.IntN(64) << m.IntN(64)})
}

// other makes a type like t, with wider and narrower numbers.
func (m maker) other(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		if t.PkgPath() == "" {
			return pick(m, numbers)
		}
	case reflect.Pointer:
		return reflect.PointerTo(m.other(t.Elem()))
	case reflect.Slice:
		return reflect.SliceOf(m.other(t.Elem()))
	case reflect.Array:
		n := t.Len()
		if n > 0 { // an empty one may be left out, which means zero
			n += pick(m, []int{0, 0, 0, 1, -1})
		}
		return reflect.ArrayOf(n, m.other(t.Elem()))
	case reflect.Map:
		if key := m.other(t.Key()); key.Comparable() {
			return reflect.MapOf(key, m.other(t.Elem()))
		}
	case reflect.Struct:
		if t.Name() == "" {
			var fields []reflect.StructField
			for f := range t.Fields() {
				if !f.Anonymous {
					f.Type = m.other(f.Type)
				}
				fields = append(fields, f)
			}
			return reflect.StructOf(fields)
		}
	}
	return t
}

// opaque are types that hold what they send in fields that are not exported.
var opaque = map[reflect.Type]bool{
	reflect.TypeFor[big.Int](): true, reflect.TypeFor[netip.Addr](): true, reflect.TypeFor[custom](): true, reflect.TypeFor[embeds](): true,
}

// difference says where two values differ: equal numbers may be of types that
// differ, a NaN is a NaN, and times are equal that are one instant.
func difference(a, b reflect.Value) error {
	if a.Kind() == reflect.Interface {
		a = a.Elem()
	}
	if b.Kind() == reflect.Interface {
		b = b.Elem()
	}
	differ := fmt.Errorf("%v is not %v", a, b)
	switch {
	case !a.IsValid() || !b.IsValid():
		if a.IsValid() != b.IsValid() {
			return differ
		}
		return nil
	case number(a) != "" || number(b) != "":
		if number(a) != number(b) {
			return differ
		}
		return nil
	case a.Kind() != b.Kind():
		return differ
	}
	if at, ok := a.Interface().(time.Time); ok {
		if !at.Equal(b.Interface().(time.Time)) {
			return differ
		}
		return nil
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if a.IsNil() != b.IsNil() {
			return differ
		}
		if a.Kind() == reflect.Pointer && !a.IsNil() {
			return difference(a.Elem(), b.Elem())
		}
	}
	switch a.Kind() {
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return differ
		}
		for i := range a.Len() {
			if err := difference(a.Index(i), b.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		if a.Len() != b.Len() {
			return differ
		}
		for _, key := range a.MapKeys() {
			found := false
			for _, other := range b.MapKeys() {
				if difference(key, other) == nil && (difference(a.MapIndex(key), b.MapIndex(other)) == nil || key.Interface() != key.Interface()) {
					found = true
				}
			}
			if !found {
				return differ
			}
		}
	case reflect.Struct:
		if opaque[a.Type()] {
			if !reflect.DeepEqual(a.Interface(), b.Interface()) {
				return differ
			}
			return nil
		}
		for i := range a.NumField() {
			if f := a.Type().Field(i); !f.IsExported() || f.Tag.Get("msgpack") == "-" {
				continue
			}
			if err := difference(a.Field(i), b.Field(i)); err != nil {
				return fmt.Errorf("%s: %w", a.Type().Field(i).Name, err)
			}
		}
	case reflect.String:
		if a.String() != b.String() {
			return differ
		}
	case reflect.Bool:
		if a.Bool() != b.Bool() {
			return differ
		}
	}
	return nil
}

// number writes a number exactly; empty if v is none.
func number(v reflect.Value) string {
	switch {
	case !v.IsValid():
	case v.CanInt():
		return fmt.Sprint(v.Int())
	case v.CanUint():
		return fmt.Sprint(v.Uint())
	case v.CanFloat() && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)):
		return fmt.Sprint(v.Float())
	case v.CanFloat():
		return strings.TrimSuffix(big.NewFloat(v.Float()).Text('f', 1100), "."+strings.Repeat("0", 1100))
	}
	return ""
}

// arrives makes a type and a value, and checks that it arrives equal where it is
// accepted, and at another type equal or not at all. It reports whether it was
// accepted.
func arrives(t *testing.T, m maker) bool {
	typ := m.typ(3)
	v := m.value(typ, 0)
	data, err := codec.EncodeValue(v)
	shared, sharedErr := codec.EncodeSharedValue(v)
	if err != nil {
		require.ErrorIs(t, err, codec.ErrEncode)
		require.NotContains(t, err.Error(), "panicked", "%v", typ)
		require.ErrorIs(t, sharedErr, codec.ErrEncode)
		return false
	}
	require.NoError(t, sharedErr)
	got := reflect.New(typ).Elem()
	require.NoError(t, codec.DecodeValue(data, got), "%v as %x", typ, data)
	require.NoError(t, difference(v, got), "%v: %+v arrives as %+v by %x", typ, v, got, data)

	whole := shared.Bytes()
	require.Len(t, whole, shared.Len())
	if !strings.Contains(typ.String(), "map[") { // its order decides which of its texts are interned
		require.Equal(t, data, whole)
	}
	var written bytes.Buffer
	n, err := shared.WriteTo(&written)
	require.NoError(t, err)
	require.EqualValues(t, len(whole), n)
	require.Equal(t, whole, written.Bytes())
	got = reflect.New(typ).Elem()
	require.NoError(t, codec.DecodeSharedValue(whole, got))
	require.NoError(t, difference(v, got), "%v: %+v arrives shared as %+v by %x", typ, v, got, data)

	other := reflect.New(m.other(typ)).Elem()
	if err := codec.DecodeValue(data, other); err != nil {
		require.NotContains(t, err.Error(), "panicked", "%v", other.Type())
	} else {
		require.NoError(t, difference(v, other), "%v: %+v arrives at %v as %+v by %x", typ, v, other.Type(), other, data)
	}
	return true
}

func TestWhatIsAcceptedArrivesEqual(t *testing.T) {
	t.Parallel()
	const cases = 20_000
	accepted := 0
	for seed := range uint64(cases) {
		if arrives(t, maker{rand.New(rand.NewPCG(seed, 11))}) {
			accepted++
		}
	}
	require.Greater(t, accepted, cases/2, "most of what is made can cross")
}

func FuzzArrival(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) { arrives(t, maker{rand.New(rand.NewPCG(a, b))}) })
}

// Where the library loses nothing, it writes and reads the same bytes.
func TestValuesAsTheLibraryWrites(t *testing.T) {
	t.Parallel()
	known := 0
	for seed := range uint64(20_000) {
		m := maker{rand.New(rand.NewPCG(seed, 12))}
		typ := m.typ(3)
		v := m.value(typ, 0)
		data, err := codec.EncodeValue(v)
		if err != nil || strings.Contains(typ.String(), "map[") {
			continue // maps have no order
		}
		var out bytes.Buffer
		e := msgpack.NewEncoder(&out)
		e.UseCompactInts(true)
		again := reflect.New(typ)
		again.Elem().Set(v)
		if !libraryKnows(typ, nil) || e.Encode(again.Interface()) != nil {
			continue
		}
		known++
		require.Equal(t, out.Bytes(), data, "%v: %+v", typ, v)
	}
	require.Greater(t, known, 1000)
}

// libraryKnows reports whether t has nothing that the library changes, or writes to
// its log of.
func libraryKnows(t reflect.Type, outer []reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return libraryKnows(t.Elem(), outer)
	case reflect.Map, reflect.Interface:
		return false
	case reflect.Struct:
		for _, o := range outer {
			if o == t {
				return true
			}
		}
		for f := range t.Fields() {
			if strings.HasPrefix(t.Name(), "shadowed") || f.Anonymous && t.Name() == "" || f.Tag != "" || !libraryKnows(f.Type, append(outer, t)) {
				return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[big.Int]() || t == reflect.TypeFor[netip.Addr]()
			}
			if f.Anonymous && f.Type.Kind() == reflect.Pointer {
				return false
			}
		}
	}
	return true
}
