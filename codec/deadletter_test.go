package codec_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

var deadLetter = codec.DeadLetter{
	Queue: "default", At: time.UnixMilli(1_900_000_000_000),
	Failure: &codec.Failure{Code: codec.CodeWorkerDied, Signal: "SIGKILL", Attempt: 3},
	Message: encodeBatch(ordinaryTask),
}

func TestDeadLetterRoundTrip(t *testing.T) {
	t.Parallel()
	read, err := codec.ReadDeadLetter(codec.AppendDeadLetter(nil, &deadLetter))
	require.NoError(t, err)
	require.Equal(t, deadLetter, read)
	id, task, err := read.Task()
	require.NoError(t, err)
	require.Equal(t, codec.ID{Client: client, N: ordinaryTask.N}, id)
	require.Equal(t, &ordinaryTask, task)
}

func TestDeadLetterOfWhatIsNoTask(t *testing.T) {
	t.Parallel()
	read, err := codec.ReadDeadLetter(codec.AppendDeadLetter(nil, &codec.DeadLetter{Queue: "q", Message: []byte("hello")}))
	require.NoError(t, err)
	require.Equal(t, &codec.Failure{Code: codec.CodeError}, read.Failure)
	_, _, err = read.Task()
	require.ErrorIs(t, err, codec.ErrMalformed)
}

func FuzzDeadLetter(f *testing.F) {
	f.Add(codec.AppendDeadLetter(nil, &deadLetter))
	f.Add(pack(f, 1, 7, "q", -1, []byte{0x80}, []byte{}, "extra"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := codec.ReadDeadLetter(data)
		if err != nil {
			if !isCodecError(err) {
				t.Fatal(err)
			}
			return
		}
		if _, _, err := first.Task(); err != nil && !isCodecError(err) {
			t.Fatal(err)
		}
		second, err := codec.ReadDeadLetter(codec.AppendDeadLetter(nil, &first))
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}
