package codec_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestFinal(t *testing.T) {
	t.Parallel()
	require.NoError(t, codec.Final(nil))
	plain := errors.New("no such account")
	require.ErrorIs(t, codec.Final(plain), plain)
	require.False(t, divide.Failure(plain).Final)

	marked := divide.Failure(codec.Final(plain))
	require.True(t, marked.Final)
	require.Equal(t, "*errors.errorString", marked.Type, "the mark is nothing that the caller sees")
	require.Equal(t, "no such account", marked.Message)

	wrapped := divide.Failure(fmt.Errorf("paying: %w", codec.Final(errZero)))
	require.True(t, wrapped.Final)
	require.Equal(t, "paying: "+errZero.Error(), wrapped.Message)
	require.ErrorIs(t, divide.Spec().Err(wrapped, codec.ID{}), errZero, "what the func lists is found through the mark")
}
