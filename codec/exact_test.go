package codec_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

type (
	Model struct {
		ID   int
		Name string
	}
	Other struct{ Name string }
	Name  struct{ Name string }
	Deep  struct {
		Model
		Name string
	}
	Empty   struct{}
	Omitted struct {
		N int `msgpack:",omitempty"`
	}
	Pointers struct {
		P *int
		S []string
	}
	Middle struct{ *Base }
	stamp  struct{ time.Time }

	shadowedBehind struct {
		Model
		Name string
	}
	shadowedBefore struct {
		Name string
		Model
	}
	shadowedTwice struct {
		Model
		Other
	}
	shadowedByTag struct {
		Model
		Label string `msgpack:"Name"`
	}
	shadowedByAlias struct {
		Label string `msgpack:",alias:Name"`
		Model
	}
	shadowedPointer struct {
		*Model
		Name string
	}
	shadowedWithin struct {
		Deep
		X int
	}
	sameAsItsType struct{ Name }
	namedAsType   struct {
		Model
		Field int `msgpack:"Model"`
	}
	shadowedInArray struct {
		//lint:ignore U1000 the tag counts
		_msgpack struct{} `msgpack:",as_array"`
		Model
		Name string
	}
	pointersInArray struct {
		//lint:ignore U1000 the tag counts
		_msgpack struct{} `msgpack:",as_array"`
		*Base
		X int
	}
)

func TestEmbeddedFieldsThatAreShadowedArrive(t *testing.T) {
	t.Parallel()
	same(t, shadowedBehind{Model{1, "model"}, "req"})
	same(t, shadowedBefore{"req", Model{1, "model"}})
	same(t, shadowedTwice{Model{1, "model"}, Other{"other"}})
	same(t, shadowedByTag{Model{1, "model"}, "label"})
	same(t, shadowedByAlias{"label", Model{1, "model"}})
	same(t, shadowedPointer{&Model{1, "model"}, "req"})
	same(t, shadowedPointer{nil, "req"})
	same(t, shadowedWithin{Deep{Model{1, "model"}, "deep"}, 5})
	same(t, sameAsItsType{Name{"n"}})
	same(t, namedAsType{Model{1, "model"}, 7})
	same(t, shadowedInArray{Model: Model{1, "model"}, Name: "req"})
	same(t, []map[string]shadowedBehind{{"a": {Model{1, "model"}, "req"}}})
	same(t, struct {
		Model `msgpack:",noinline"`
		Name  string
	}{Model{1, "model"}, "req"})
}

// An older reader takes an embedded struct under its type's name as well.
func TestShadowedFieldsArriveAtTheLibrary(t *testing.T) {
	t.Parallel()
	for _, want := range []shadowedBehind{{Model{1, "model"}, "req"}, {}} {
		data, err := codec.AppendValue(nil, want)
		require.NoError(t, err)
		var got shadowedBehind
		require.NoError(t, msgpack.Unmarshal(data, &got))
		require.Equal(t, want, got)
	}
	within := shadowedWithin{Deep{Model{1, "model"}, "deep"}, 5}
	data, err := codec.AppendValue(nil, within)
	require.NoError(t, err)
	var got shadowedWithin
	require.NoError(t, msgpack.Unmarshal(data, &got))
	require.Equal(t, within, got)
	shape := Shape{Points: []point{{1, 2}}}
	data, err = codec.AppendValue(nil, shape)
	require.NoError(t, err)
	var gotShape Shape
	require.NoError(t, msgpack.Unmarshal(data, &gotShape))
	require.Equal(t, shape, gotShape)
}

func TestFieldsThatShareANameAreRefused(t *testing.T) {
	t.Parallel()
	cannot[struct {
		ID    int
		Other string `msgpack:"ID"`
	}](t)
	cannot[struct {
		A int `msgpack:"x"`
		B int `msgpack:"x,omitempty"`
	}](t)
	cannot[struct {
		A int `msgpack:",alias:B"`
		B int
	}](t)
	cannot[struct {
		A int `msgpack:",alias:c"`
		B int `msgpack:",alias:c"`
	}](t)
	cannot[struct {
		Name  string
		Model `msgpack:",inline"`
	}](t)
	cannot[struct {
		Model `msgpack:",inline"`
		Name  string
	}](t)
	cannot[struct {
		ownMethods `msgpack:",inline"`
		X          int
	}](t)
	cannot[struct {
		Model `msgpack:",noinline"`
		X     int `msgpack:"Model"`
	}](t)
	_, err := codec.AppendValue(nil, struct {
		ID    int
		Other string `msgpack:"ID"`
	}{})
	require.ErrorContains(t, err, `two fields cross as "ID"; rename one by its tag`)
}

// By a promoted method a struct would encode itself as its embedded field alone.
func TestPromotedMethodsDoNotHideFields(t *testing.T) {
	t.Parallel()
	cannot[struct {
		time.Time
		Name string
	}](t)
	cannot[struct {
		Name string
		big.Int
	}](t)
	cannot[struct {
		*big.Int
		Name string
	}](t)
	cannot[struct{ *big.Int }](t)
	cannot[struct {
		custom
		Name string
	}](t)
	cannot[[]struct {
		netip.Addr
		Port int
	}](t)
	same(t, struct{ netip.Addr }{netip.MustParseAddr("::1")})
	same(t, ownMethods{big.NewInt(5), 7})
	same(t, genericMethods[int]{*big.NewInt(5), 7})
	same(t, struct {
		At   time.Time
		Name string
	}{time.Unix(5, 6), "n"})
	at := stamp{time.Unix(5, 6)}
	data, err := codec.AppendValue(nil, at)
	require.NoError(t, err)
	got, err := codec.Value[stamp](data)
	require.NoError(t, err)
	require.True(t, at.Equal(got.Time))
}

// ownMethods has methods of its own in place of those that it would promote.
type ownMethods struct {
	*big.Int
	N int
}

func (o ownMethods) MarshalText() ([]byte, error) {
	return json.Marshal([]any{o.Int, o.N})
}

func (o *ownMethods) UnmarshalText(text []byte) error {
	return json.Unmarshal(text, &[]any{&o.Int, &o.N})
}

type genericMethods[T any] struct {
	big.Int
	N T
}

func (g *genericMethods[T]) MarshalText() ([]byte, error) {
	return json.Marshal([]any{&g.Int, g.N})
}

func (g *genericMethods[T]) UnmarshalText(text []byte) error {
	return json.Unmarshal(text, &[]any{&g.Int, &g.N})
}

func TestNilEmbeddedPointerArrivesNil(t *testing.T) {
	t.Parallel()
	same(t, Shape{Points: []point{{1, 2}}})
	same(t, Shape{Base: &Base{}})
	same(t, []Shape{{Base: &Base{"n"}}, {}})
	same(t, struct {
		*Pointers
		X int
	}{nil, 1})
	same(t, struct {
		*Pointers
		X int
	}{&Pointers{}, 1})
	same(t, struct {
		*Omitted
		X int
	}{&Omitted{}, 1})
	same(t, struct {
		*Omitted
		X int
	}{nil, 1})
	same(t, struct {
		*Middle
		X int
	}{nil, 1})
	same(t, struct {
		*Middle
		X int
	}{&Middle{&Base{"n"}}, 1})
	same(t, pointersInArray{Base: &Base{"n"}, X: 1})
	refused(t, "embedded pointer Base is nil", pointersInArray{X: 1})
	refused(t, "embedded pointer Middle would arrive as nil", struct{ *Middle }{&Middle{}})
	refused(t, "embedded pointer Empty would arrive as nil", struct{ *Empty }{&Empty{}})
	same(t, struct{ *Empty }{})

	// As older writers say it.
	got, err := codec.Value[Shape]([]byte("\x82\xa4Name\xc0\xa6Points\xc0"))
	require.NoError(t, err)
	require.Nil(t, got.Base)
}

// refused checks that v is refused at once, and why.
func refused[T any](t *testing.T, why string, v T) {
	t.Helper()
	_, err := codec.AppendValue(nil, v)
	require.ErrorIs(t, err, codec.ErrEncode)
	require.ErrorContains(t, err, why)
}

type (
	nullable struct{ set bool }
	hasZero  int
)

func (n nullable) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeNil() }
func (n *nullable) DecodeMsgpack(*msgpack.Decoder) error  { return nil }

func (h hasZero) IsZero() bool { return h < 10 }

func TestNilAndEmptyStayApart(t *testing.T) {
	t.Parallel()
	type omits struct {
		S  []int          `msgpack:",omitempty"`
		M  map[string]int `msgpack:",omitempty"`
		A  any            `msgpack:",omitempty"`
		F  float64        `msgpack:",omitempty"`
		P  *int           `msgpack:",omitempty"`
		Z  hasZero        `msgpack:",omitempty"`
		B  [2]int         `msgpack:",omitempty"`
		M2 Omitted        `msgpack:",omitempty"`
	}
	same(t, omits{})
	same(t, omits{S: []int{}, M: map[string]int{}, A: int64(0), P: new(int), Z: 5})
	same(t, omits{A: false})
	same(t, omits{A: ""})
	data, err := codec.AppendValue(nil, omits{F: math.Copysign(0, -1)})
	require.NoError(t, err)
	got, err := codec.Value[omits](data)
	require.NoError(t, err)
	require.True(t, math.Signbit(got.F))

	same(t, map[string][]int{"nil": nil, "empty": {}})
	same(t, map[string]map[int]int{"nil": nil, "empty": {}})
	same(t, []json.RawMessage{nil, {}, json.RawMessage(`{"a":1}`)})
	same(t, []*string{nil, new(string)})
	zero := new(int)
	same(t, &zero)
	var none []int
	refused(t, "a pointer to nil would arrive as nil", &none)
	refused(t, "a pointer to nil would arrive as nil", new(*int))
	refused(t, "a pointer to nil would arrive as nil", new(any))
	refused(t, "a pointer to nil would arrive as nil", new(map[string]int))
	refused(t, "a pointer to nil would arrive as nil", &struct{ N *nullable }{&nullable{true}})
}

type (
	pointerKey struct{ P *int }
	partialKey struct {
		A int
		b int
	}
	halfText  int
	onlyText  string
	validated string
	mixed     struct{ N int }
	lossy     struct{ A, B int }
)

func (h halfText) MarshalText() ([]byte, error) { return []byte("half"), nil }
func (o onlyText) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(o))), nil }
func (v *validated) UnmarshalText(b []byte) error {
	*v = validated(strings.TrimSpace(string(b)))
	return nil
}
func (m mixed) MarshalBinary() ([]byte, error) { return []byte{1}, nil }
func (m mixed) MarshalText() ([]byte, error)   { return []byte("1"), nil }
func (m *mixed) UnmarshalText([]byte) error    { m.N = 1; return nil }
func (l lossy) MarshalText() ([]byte, error)   { return json.Marshal(l.A) }
func (l *lossy) UnmarshalText(b []byte) error  { return json.Unmarshal(b, &l.A) }
func (l lossy) Equal(other lossy) bool         { return l == other }

func TestMethodsThatDoNotBelongTogether(t *testing.T) {
	t.Parallel()
	refused(t, "an integer belongs", halfText(5))
	same(t, onlyText("UPPER"))
	refused(t, "without the method that belongs to it", onlyText("lower"))
	same(t, []validated{"trimmed"})
	refused(t, "UnmarshalText, without the method that belongs to it", []validated{" not trimmed "})
	refused(t, "without the method that belongs to it", mixed{2})
	refused(t, "decodes to another value", map[string]lossy{"a": {1, 2}})
	same(t, lossy{1, 0})
	refused(t, "decodes to another value", big.NewFloat(0.1))
	data, err := codec.AppendValue(nil, big.NewFloat(1.5))
	require.NoError(t, err)
	f, err := codec.Value[*big.Float](data)
	require.NoError(t, err)
	require.Zero(t, f.Cmp(big.NewFloat(1.5)))
	same(t, (*big.Float)(nil))
	same(t, big.NewRat(-1, 3))
	same(t, []*big.Rat{nil, big.NewRat(1, 2)})
	same(t, map[string]big.Int{"a": *big.NewInt(-7)})
	u, err := url.Parse("https://user:pass@example.org:8443/a%2Fb?c=d#e")
	require.NoError(t, err)
	same(t, u)
	same(t, struct {
		T encoding.TextMarshaler `msgpack:"-"`
	}{})
}

func TestMapsWithEveryKindOfKey(t *testing.T) {
	t.Parallel()
	same(t, map[bool]int{true: 1, false: 2})
	same(t, map[uint64]int{math.MaxUint64: 1})
	same(t, map[int8]int{-128: 1, 127: 2})
	same(t, map[float64]int{0.1: 1, math.Inf(-1): 2, math.MaxFloat64: 3})
	same(t, map[float32]int{0.1: 1})
	same(t, map[point]string{{1, 2}: "a", {2, 1}: "b"})
	same(t, map[[2]int]string{{1, 2}: "a"})
	same(t, map[[2]byte]string{{1, 2}: "a"})
	same(t, map[shadowedBehind]bool{{Model{1, "m"}, "r"}: true})
	same(t, map[level]bool{3: true})
	same(t, map[celsius]bool{3.5: true})
	same(t, map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): true})
	same(t, map[time.Duration]bool{time.Second: true})
	same(t, map[any]int{"a": 1, int64(1): 2, 1.5: 3, true: 4, nil: 5})
	same[any](t, map[any]any{"a": int64(1), int64(1): "b"})
	same(t, map[partialKey]int{{A: 1}: 1, {A: 2}: 2})

	nan := math.NaN()
	data, err := codec.AppendValue(nil, map[float64]int{nan: 1, math.NaN(): 2, 3: 3})
	require.NoError(t, err)
	got, err := codec.Value[map[float64]int](data)
	require.NoError(t, err)
	require.Len(t, got, 3)

	cannot[map[*int]int](t)
	cannot[map[pointerKey]int](t)
	cannot[map[[1]*int]int](t)
	refused(t, "arrive as one", map[any]int{int8(1): 1, 1: 2})
	refused(t, "arrive as one", map[any]int{"A": 1, onlyText("A"): 2})
	refused(t, "arrive as one", map[partialKey]int{{1, 2}: 1, {1, 3}: 2})
	at := time.Unix(5, 0)
	refused(t, "arrive as one", map[time.Time]int{at: 1, at.UTC(): 2})
	refused[any](t, "have to be numbers, strings", map[point]int{{1, 2}: 1})
	refused[any](t, "have to be numbers, strings", map[[1]int]int{{1}: 1})
	becomes[any](t, map[int]string{1: "a"}, map[any]any{int64(1): "a"})
}

func TestIntegersInAnInterfaceHaveOneType(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 127, 128, 255, 256, 32767, 32768, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, -1, -32, -33, -129, math.MinInt64} {
		becomes[any](t, n, n)
		becomes[any](t, map[string]any{"n": []any{n}}, map[string]any{"n": []any{n}})
		if n >= 0 {
			becomes[any](t, uint64(n), n)
		}
	}
	becomes[any](t, uint64(math.MaxInt64+1), uint64(math.MaxInt64+1))
	becomes[any](t, []any{uint8(200), level(200), time.Duration(200)}, []any{int64(200), int64(200), int64(200)})
	decodes[any](t, int64(200), "\xcf\x00\x00\x00\x00\x00\x00\x00\xc8")
	decodes[any](t, int64(5), "\xd3\x00\x00\x00\x00\x00\x00\x00\x05")
	decodes(t, map[string]any{"a": int64(200)}, "\x81\xa1a\xcc\xc8")
	decodes(t, []any{int64(200)}, "\x91\xcc\xc8")
	decodes(t, struct{ A any }{int64(200)}, "\x81\xa1A\xcc\xc8")
}

// What an interface holds is checked as well, and a value that contains itself is
// no reason to die.
func TestHeldTypesAreChecked(t *testing.T) {
	t.Parallel()
	refused[any](t, "only exported fields cross", []any{hidden{1}})
	refused(t, "channels", map[string]any{"a": []any{make(chan int)}})
	loop := &node{}
	loop.Next = loop
	refused(t, "contains itself", loop)
	list := []any{nil, nil}
	list[0], list[1] = list, list
	refused(t, "contains itself", list)
	var pointer any
	pointer = &pointer
	refused(t, "contains itself", pointer)
	_, err := codec.AppendValue[any](nil, map[string]any{"e": errors.New("an error")})
	require.ErrorIs(t, err, codec.ErrEncode)
}

type (
	// internedMixed has interned strings wherever one may stand.
	internedMixed struct {
		A   string `msgpack:",intern"`
		Any any    `msgpack:",intern"`
		M   map[any]string
		B   any `msgpack:",intern"`
	}
	encodesOnly struct{ C chan int }
	onlySends   struct{ text string }
	twice       int
)

func (encodesOnly) MarshalText() ([]byte, error)           { return nil, nil }
func (o onlySends) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString(o.text) }
func (n twice) MarshalMsgpack() ([]byte, error)            { return []byte{byte(2 * n)}, nil }

func TestInternedStringsInAnyPlace(t *testing.T) {
	t.Parallel()
	v := internedMixed{"some text", "other text", map[any]string{"some text": "other text", int64(1): "x"}, "other text"}
	same(t, []internedMixed{v, v, {A: "abc", Any: int64(5)}})
	data, err := codec.AppendValue(nil, v)
	require.NoError(t, err)
	var at internedMixed
	d := msgpack.NewDecoder(bytes.NewReader(data))
	d.UseLooseInterfaceDecoding(true)
	require.NoError(t, d.Decode(&at))
	require.Equal(t, v, at)
	data, err = msgpack.Marshal([]internedMixed{v, v})
	require.NoError(t, err)
	got, err := codec.Value[[]internedMixed](data)
	require.NoError(t, err)
	require.Equal(t, []internedMixed{v, v}, got)
}

func TestTypeThatOnlyEncodesItself(t *testing.T) {
	t.Parallel()
	cannot[encodesOnly](t)
	cannot[[]encodesOnly](t)

	// What is for MessagePack alone is what its author wants to arrive.
	data, err := codec.AppendValue(nil, []onlySends{{"a"}})
	require.NoError(t, err)
	got, err := codec.Value[[]string](data)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, got)
	_, err = codec.Value[[]onlySends](data)
	require.ErrorIs(t, err, codec.ErrDecode)
	becomes(t, twice(5), twice(10))
}
