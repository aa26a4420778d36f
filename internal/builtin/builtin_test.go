package builtin

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

func TestMain(m *testing.M) {
	Register()
	m.Run()
}

func TestRegister(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"count_primes", "echo", "is_prime", "sha256", "sleep", "spin"}, consumer.Handled())
}

func TestIsPrime(t *testing.T) {
	t.Parallel()
	check := func(n uint64) {
		got, err := isPrime(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, new(big.Int).SetUint64(n).ProbablyPrime(0), got, n)
	}
	for n := range uint64(10_000) {
		check(n)
	}
	for _, n := range []uint64{
		112272535095293, 1099726899285419,
		65521 * 65521, 65537 * 65537, // squares of primes on both sides of 32 bits
		math.MaxUint32 - 4, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint32 + 15,
		4294967291 * 3, math.MaxUint64,
	} {
		check(n)
	}
}

func TestIsPrimeOfTheLargestSquare(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: -short was given")
	}
	t.Parallel()
	require.False(t, prime(4294967291*4294967291))
}

func TestCountPrimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to uint64
		want     int
	}{
		{0, 0, 0}, {0, 2, 0}, {0, 3, 1}, {2, 3, 1}, {7, 7, 0}, {9, 3, 0}, {0, 100, 25}, {100, 10_000, 1204},
		{math.MaxUint32 - 4, math.MaxUint32 + 17, 2},
	} {
		got, err := countPrimes(t.Context(), Range{test.from, test.to})
		require.NoError(t, err)
		require.Equal(t, test.want, got, test)
	}
}

func TestCountPrimesEndsWithItsContext(t *testing.T) {
	t.Parallel()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := countPrimes(ctx, Range{0, math.MaxUint64})
	require.ErrorIs(t, err, cause)
}

func TestRangeOnTheWire(t *testing.T) {
	t.Parallel()
	data, err := CountPrimes.AppendArg(nil, Range{3, 70})
	require.NoError(t, err)
	m, err := codec.Value[map[string]any](data)
	require.NoError(t, err)
	require.Len(t, m, 2)
	require.EqualValues(t, 3, m["from"])
	require.EqualValues(t, 70, m["to"])
}

func TestEchoIsExact(t *testing.T) {
	t.Parallel()
	var value bytes.Buffer
	e := msgpack.NewEncoder(&value)
	require.NoError(t, e.EncodeMapLen(2))
	require.NoError(t, e.EncodeMulti("z", []byte{0xff}, 7, uint64(math.MaxUint64)))
	for _, want := range [][]byte{value.Bytes(), {msgpcode.Nil}, {msgpcode.False}} {
		arg, err := Echo.Arg(want)
		require.NoError(t, err)
		result, err := echo(t.Context(), arg)
		require.NoError(t, err)
		got, err := Echo.AppendResult(nil, result)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, seconds := range []float64{0, 0.25, 3600} {
			slept, err := sleep(t.Context(), seconds)
			require.NoError(t, err)
			require.InDelta(t, seconds, slept, 1e-9)
		}
		for _, seconds := range []float64{1.5, math.Inf(1), math.MaxFloat64} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			slept, err := sleep(ctx, seconds)
			cancel()
			require.NoError(t, err)
			require.InDelta(t, 1, slept, 1e-9)
		}
	})
	for _, seconds := range []float64{-1, math.NaN()} {
		_, err := sleep(t.Context(), seconds)
		require.ErrorContains(t, err, "use 0 or more")
	}
}

func TestSpin(t *testing.T) {
	t.Parallel()
	began := time.Now()
	first, err := spin(t.Context(), 0.01)
	require.NoError(t, err)
	require.Greater(t, time.Since(began), time.Millisecond, "it computed")
	again, err := spin(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, first, again, "the same process")
	for _, seconds := range []float64{-1, math.NaN()} {
		_, err := spin(t.Context(), seconds)
		require.ErrorContains(t, err, "use 0 or more")
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err = spin(ctx, math.Inf(1))
	require.ErrorIs(t, err, cause)
}

func TestSHA256(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"hello": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"\xff":  "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89",
	} {
		got, err := sum256(t.Context(), text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// The demo counts the primes below ten million several times within seconds.
func BenchmarkCountPrimesBelowTenMillion(b *testing.B) {
	for b.Loop() {
		count, err := countPrimes(b.Context(), Range{0, 10_000_000})
		require.NoError(b, err)
		require.Equal(b, 664579, count)
	}
}
