package outlet_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/outlet"
)

func TestPassesOnInOrder(t *testing.T) {
	var got bytes.Buffer
	w := outlet.New(&got)
	var want strings.Builder
	for i := range 10_000 {
		line := fmt.Sprintln("line", i)
		want.WriteString(line)
		_, err := w.Write([]byte(line))
		require.NoError(t, err)
	}
	w.Flush(time.Minute)
	require.Equal(t, want.String(), got.String())
}

func TestStoppedReaderHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe() // nobody reads
		w := outlet.New(write)
		line := []byte(strings.Repeat("x", 64<<10-1) + "\n")
		began := time.Now()
		for range 100 {
			_, err := w.Write(line)
			require.NoError(t, err)
		}
		require.Equal(t, time.Second, time.Since(began), "the first line that is lost waits, the others do not")
		w.Flush(time.Second)
		require.Equal(t, 2*time.Second, time.Since(began))

		var got bytes.Buffer // the reader goes on
		var reading sync.WaitGroup
		reading.Go(func() { _, _ = io.Copy(&got, read) })
		w.Flush(time.Minute)
		_, err := w.Write([]byte("last\n"))
		require.NoError(t, err)
		w.Flush(time.Minute)
		require.NoError(t, write.Close())
		reading.Wait()
		passed := bytes.Count(got.Bytes(), line)
		require.Equal(t, 16, passed)
		require.True(t, strings.HasSuffix(got.String(),
			fmt.Sprintf("muster: lines lost here because nobody read them: %d\nlast\n", 100-passed)))
	})
}

func TestSlowReaderLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got slow
		w := outlet.New(&got)
		line := bytes.Repeat([]byte("x"), 64<<10)
		for range 100 {
			_, err := w.Write(line)
			require.NoError(t, err)
		}
		w.Flush(time.Hour)
		require.Equal(t, 100, got.lines)
	})
}

// slow takes half a second for a line.
type slow struct{ lines int }

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(time.Second / 2)
	s.lines++
	return len(p), nil
}
