package pool

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestAnswerEnvelope(t *testing.T) {
	t.Parallel()
	status := codec.HostStatus{ID: "aaaaaaaa"}
	alone, err := json.Marshal(status)
	require.NoError(t, err)
	answer, err := json.Marshal(codec.ControlAnswer{Processes: math.MaxInt, Status: &status})
	require.NoError(t, err)
	require.LessOrEqual(t, len(answer)-len(alone), answerEnvelope)
}
