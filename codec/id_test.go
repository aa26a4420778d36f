package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestIDRoundTrip(t *testing.T) {
	t.Parallel()
	for _, id := range []codec.ID{{Client: "a"}, {Client: client, N: 42}, {Client: codec.NewClientID(), N: 1<<64 - 1}} {
		got, err := codec.ParseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	require.Equal(t, "k3xf9mq2l7zt4b6c-42", codec.ID{Client: client, N: 42}.String())
}

func TestParseIDRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "-", "a", "a-", "-1", "a-b", "A-1", "a.-1", ".b-1", "a.b.c-1", "cron.b-1", "cron-1", "unread-1", "unread.b-1", "A.b-1", "a.*-1", "a*-1", "ä-1", "a--1", "a-+1", "a-1-2", "a-0x1", "a-1_0",
		"a-18446744073709551616", " a-1", "a-1\n", "\xff-1", strings.Repeat("a", codec.MaxName+1) + "-1",
	} {
		_, err := codec.ParseID(s)
		require.ErrorIs(t, err, codec.ErrMalformed, "%q", s)
	}
	_, err := codec.ParseID(strings.Repeat("x", 1<<20))
	require.Less(t, len(err.Error()), 1000)
}

func TestNewClientID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := codec.NewClientID()
		require.Regexp(t, "^[a-z2-7]{16}$", id)
		require.False(t, seen[id])
		seen[id] = true
	}
}
