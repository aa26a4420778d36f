package codec_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

var sealings = map[string]func(...codec.Key) codec.FuncOption{
	"encryption": codec.WithEncryption, "signature": codec.WithSignature,
}

func TestSealedValuesOpen(t *testing.T) {
	t.Parallel()
	key := codec.NewKey("2026")
	for name, with := range sealings {
		f := codec.NewFunc[string, []int]("f", with(key))
		require.NoError(t, f.Check(), name)
		arg, err := f.AppendArg([]byte("before"), "very secret")
		require.NoError(t, err, name)
		require.Equal(t, name == "signature", bytes.Contains(arg, []byte("very secret")), name)
		got, err := f.Arg(arg[len("before"):])
		require.NoError(t, err, name)
		require.Equal(t, "very secret", got, name)
		sealed, err := f.AppendResult(nil, []int{1, 2})
		require.NoError(t, err, name)
		result, err := codec.OpenValue[[]int](f.Spec(), sealed)
		require.NoError(t, err, name)
		require.Equal(t, []int{1, 2}, result, name)
		again, err := f.AppendResult(nil, []int{1, 2})
		require.NoError(t, err, name)
		require.Equal(t, name == "signature", bytes.Equal(sealed, again), name)
	}
}

func TestSealedValuesCannotBeForged(t *testing.T) {
	t.Parallel()
	key := codec.NewKey("2026")
	plain, err := codec.NewFunc[int, int]("f").AppendArg(nil, 7)
	require.NoError(t, err)
	for name, with := range sealings {
		f := codec.NewFunc[int, int]("f", with(key))
		arg, err := f.AppendArg(nil, 7)
		require.NoError(t, err)
		for i := range arg {
			tampered := bytes.Clone(arg)
			tampered[i] ^= 1
			_, err := f.Arg(tampered)
			require.ErrorIs(t, err, codec.ErrDecode, "%s: byte %d", name, i)
			_, err = f.Arg(arg[:i])
			require.ErrorIs(t, err, codec.ErrDecode, "%s: cut to %d bytes", name, i)
		}
		_, err = f.Arg(append(bytes.Clone(arg), 0))
		require.ErrorIs(t, err, codec.ErrDecode, name)
		_, err = f.Arg(plain)
		require.ErrorIs(t, err, codec.ErrDecode, "%s: not sealed", name)

		// Swapped: an argument for a result, and for another func's argument.
		_, err = f.Result(arg)
		require.ErrorIs(t, err, codec.ErrDecode, name)
		_, err = codec.NewFunc[int, int]("g", with(key)).Arg(arg)
		require.ErrorIs(t, err, codec.ErrDecode, name)

		_, err = codec.NewFunc[int, int]("f", with(codec.NewKey("2026"))).Arg(arg)
		require.ErrorIs(t, err, codec.ErrDecode, "%s: another key with the same id", name)
		_, err = codec.NewFunc[int, int]("f", with(codec.NewKey("2027"))).Arg(arg)
		require.ErrorContains(t, err, `no key with the id "2026"`, name)
	}
	signed, err := codec.NewFunc[int, int]("f", codec.WithSignature(key)).AppendArg(nil, 7)
	require.NoError(t, err)
	_, err = codec.NewFunc[int, int]("f", codec.WithEncryption(key)).Arg(signed)
	require.ErrorIs(t, err, codec.ErrDecode, "signed is not encrypted")
}

func TestKeysAreReplaced(t *testing.T) {
	t.Parallel()
	old, next := codec.NewKey("old"), codec.NewKey("next")
	for name, with := range sealings {
		steps := []codec.Func[int, int]{
			codec.NewFunc[int, int]("f", with(old)),
			codec.NewFunc[int, int]("f", with(old, next)),
			codec.NewFunc[int, int]("f", with(next, old)),
			codec.NewFunc[int, int]("f", with(next)),
		}
		for i, from := range steps {
			for j, to := range steps {
				sealed, err := from.AppendArg(nil, 7)
				require.NoError(t, err)
				_, err = to.Arg(sealed)
				if i-j > 1 || j-i > 1 {
					continue // programs are at most a step apart
				}
				require.NoError(t, err, "%s: from step %d to step %d", name, i, j)
			}
		}
	}
}

func TestErrorValuesAreSealed(t *testing.T) {
	t.Parallel()
	f := codec.NewFunc[int, int]("f", codec.WithEncryption(codec.NewKey("k")), codec.WithErrorType[*needy]())
	failure := f.Failure(&needy{"secret"})
	require.False(t, bytes.Contains(failure.Values[0].Data, []byte("secret")))
	got, ok := errors.AsType[*needy](crossed(t, f, &needy{"secret"}))
	require.True(t, ok)
	require.Equal(t, "secret", got.Text)
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	key := codec.NewKey("k")
	for name, keys := range map[string][]codec.Key{
		"none": nil, "no id": {codec.NewKey("")}, "a long id": {codec.NewKey(string(make([]byte, 65)))},
		"a short secret": {{ID: "k", Secret: make([]byte, 16)}}, "twice": {key, key},
	} {
		for _, with := range sealings {
			require.ErrorIs(t, codec.NewFunc[int, int]("f", with(keys...)).Check(), codec.ErrOption, name)
		}
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	a, b := codec.NewKey("a"), codec.NewKey("b")
	keys, err := codec.ParseKeys("# the keys\n" + a.Text() + "\n\n  " + b.Text() + "\n")
	require.NoError(t, err)
	require.Equal(t, []codec.Key{a, b}, keys)
	for _, text := range []string{"a", "a hush", "a " + "aHVzaA==", " " + a.Text()[2:]} {
		_, err := codec.ParseKeys(text)
		require.ErrorIs(t, err, codec.ErrOption)
		require.NotContains(t, err.Error(), "hush")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "key a", fmt.Sprintf(verb, a))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("hello", "key", a, "holder", struct{ Keys []codec.Key }{keys})
	require.NotContains(t, log.String(), base64.StdEncoding.EncodeToString(a.Secret))
	require.Contains(t, log.String(), `{"ID":"b"}`)
}

// Keys come from a file that clients and worker hosts have, and the broker has not.
func ExampleWithEncryption() {
	file := "2026-11 " + "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I="
	keys, err := codec.ParseKeys(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	salary := codec.NewFunc[string, int]("salary", codec.WithEncryption(keys...))
	sealed, err := salary.AppendArg(nil, "Ada Lovelace")
	fmt.Println(err, bytes.Contains(sealed, []byte("Ada")))
	name, err := salary.Arg(sealed)
	fmt.Println(name, err)
	// Output:
	// <nil> false
	// Ada Lovelace <nil>
}
