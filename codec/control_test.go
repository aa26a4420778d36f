package codec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestControlRequest(t *testing.T) {
	t.Parallel()
	for _, want := range []codec.ControlRequest{
		{Verb: codec.ControlStatus}, {Verb: codec.ControlDrain}, {Verb: codec.ControlAdd}, {Verb: codec.ControlRemove},
		{Verb: codec.ControlResize, Processes: 3}, {Verb: codec.ControlKill, PID: 4711},
	} {
		text, err := json.Marshal(want)
		require.NoError(t, err)
		got, err := codec.ReadControlRequest(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestControlRequestRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `null`, `{}`, `[]`, `"drain"`, `{"verb":"dance"}`, `{"verb":"DRAIN"}`, `{"verb":"drain"`, `{"verb":"drain"} {}`,
		`{"verb":"drain","gently":true}`, `{"verb":"drain","pid":1}`, `{"verb":"resize"}`, `{"verb":"resize","processes":-1}`,
		`{"verb":"resize","processes":1e99}`, `{"verb":"kill"}`, `{"verb":"kill","pid":-1}`, `{"verb":"status","processes":1}`,
		`{"verb":"drain"` + strings.Repeat(" ", codec.MaxControlRequest) + `}`,
	} {
		_, err := codec.ReadControlRequest([]byte(text))
		require.ErrorIs(t, err, codec.ErrMalformed, text)
	}
}
