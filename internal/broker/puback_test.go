package broker

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestReadPubAck(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		v   verdict
		seq uint64
		err error
	}{
		`{"stream":"TASKS_q","seq":17}`:                   {stored, 17, nil},
		`{"stream":"TASKS_q","seq":17,"duplicate": true}`: {stored, 17, nil},
		`{"stream":"TASKS_q","domain":"hub","seq":17}`:    {stored, 17, nil},
		`{"stream":"TASKS_q", "seq":17 }`:                 {stored, 17, nil},
		`{"stream":"TASKS_q","seq":18446744073709551615}`: {stored, 1<<64 - 1, nil},
		`{"stream":"TASKS_q","seq":0}`:                    {refused, 0, ErrNoStream},
		`{"stream":"TASKS_q","seq":17`:                    {refused, 0, ErrNoStream},
		`{}`:                                              {refused, 0, ErrNoStream},
		``:                                                {refused, 0, ErrNoStream},
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"R","seq":0}`: {refused, 0, ErrWrongLastSequence},
		`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"R","seq":0}`:    {refused, 0, ErrWrongLastSequence},
		`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`:                      {full, 0, ErrStreamFull},
		`{"error":{"code":503,"err_code":10077,"description":"message too large"}}`:                           {refused, 0, ErrTooLarge},
		`{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}`:                      {full, 0, ErrStreamFull},
		`{"error":{"code":429,"err_code":10167,"description":"too many requests"}}`:                           {tryAgain, 0, nil},
		`{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"}}`:          {tryAgain, 0, nil},
	} {
		v, seq, err := readPubAck(&nats.Msg{Data: []byte(body)})
		require.Equal(t, want.v, v, body)
		require.Equal(t, want.seq, seq, body)
		require.ErrorIs(t, err, want.err, body)
	}
	v, _, err := readPubAck(&nats.Msg{Data: []byte(`{"error":{"code":400,"err_code":10109,"description":"invalid operation on sealed stream"}}`)})
	require.Equal(t, refused, v)
	require.ErrorContains(t, err, "sealed")
	v, _, err = readPubAck(&nats.Msg{Header: nats.Header{"Status": {"503"}}})
	require.Equal(t, noStream, v)
	require.NoError(t, err)
}

func FuzzStoredSeq(f *testing.F) {
	f.Add([]byte(`{"stream":"TASKS_q","seq":17,"duplicate": true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if seq, ok := storedSeq(data); ok && seq == 0 {
			t.Fatal("stored at 0")
		}
	})
}

func TestFlightsForgetLateAnswers(t *testing.T) {
	t.Parallel()
	var table flights
	done := func(uint64, error) {}
	first, _ := table.add(&nats.Msg{}, done)
	second, _ := table.add(&nats.Msg{}, done)
	_, ok := table.remove(first)
	require.True(t, ok)
	third, _ := table.add(&nats.Msg{}, done) // in the slot of the first
	require.NotEqual(t, first, third)
	require.Equal(t, 2, table.len())
	_, ok = table.remove(first)
	require.False(t, ok)
	require.Nil(t, table.get(99))
	var tokens []uint64
	for token := range table.all {
		tokens = append(tokens, token)
	}
	require.ElementsMatch(t, []uint64{second, third}, tokens)
}
