package shellmap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/joblog"
)

func startOutput(job *Job, failed func(error)) *output {
	return newOutput(job, newWindow(maxBytes, maxItems), failed)
}

func TestOutputCollectsWhileItWrites(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	out := startOutput(&Job{Out: w}, func(error) { t.Error("failed") })
	out.add(0, ending{line: []byte("1\n")})
	got := make([]byte, 10)
	n, err := r.Read(got[:1]) // the writer is held up within its first write
	require.NoError(t, err)
	out.add(1, ending{line: []byte("2\n")})
	out.add(2, ending{line: []byte("3\n")})
	m, err := r.Read(got[n:])
	require.NoError(t, err)
	require.Equal(t, "1\n", string(got[:n+m]))
	n, err = r.Read(got)
	require.NoError(t, err)
	require.Equal(t, "2\n3\n", string(got[:n]))
	require.NoError(t, out.close())
}

func TestOutputFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	log, err := joblog.Create(file)
	require.NoError(t, err)
	defer log.Close()
	failed := make(chan error, 1)
	r, w := io.Pipe()
	out := startOutput(&Job{Out: w, Log: log}, func(err error) { failed <- err })
	broken := errors.New("broken")
	require.NoError(t, r.CloseWithError(broken))
	for place := range 3 {
		out.add(place, ending{line: make([]byte, maxBatch), record: []byte("record\n")}) // does not block
	}
	require.Equal(t, broken, <-failed)
	require.Equal(t, broken, out.close())
	logged, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, logged, "what was not printed is not logged")
}

func TestOutputLogs(t *testing.T) {
	t.Parallel()
	log, err := joblog.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	out := startOutput(&Job{Out: io.Discard, Log: log}, func(error) {})
	require.NoError(t, log.Close())
	out.add(0, ending{line: []byte("1\n"), record: []byte("record\n")})
	require.ErrorContains(t, out.close(), "writing the job log")
}

// What is added comes out by its place, whatever the order and the sizes. After a
// place that stays empty only a job log lets results be printed, but failures are
// always reported.
func TestOutputOrders(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", largeLine)
	ok := func(text string) ending { return ending{line: []byte(text + "\n"), record: []byte(text[:1] + "\n")} }
	bad := func(text string) ending { return ending{failed: LineError{Err: errors.New(text)}, record: []byte(text + "\n")} }
	halts := ending{halts: true, record: []byte("h\n")}
	for name, test := range map[string]struct {
		places []int
		add    []ending
		log    bool
		want   string // failures in brackets
		logged string // in any order
	}{
		"in order":               {[]int{0, 1, 2}, []ending{ok("a"), bad("b"), ok("c")}, false, "a\n[b]c\n", ""},
		"backwards":              {[]int{2, 1, 0}, []ending{ok("c"), bad("b"), ok("a")}, true, "a\n[b]c\n", "b\na\nc\n"},
		"large":                  {[]int{1, 2, 0}, []ending{ok(large), ok("c"), ok("a")}, true, "a\n" + large + "\nc\n", "a\nx\nc\n"},
		"a gap":                  {[]int{2, 0, 4, 3}, []ending{ok("c"), ok("a"), bad("e"), ok("d")}, false, "a\n[e]", ""},
		"a gap with a log":       {[]int{2, 0, 4, 3}, []ending{ok("c"), ok("a"), bad("e"), ok("d")}, true, "a\nc\nd\n[e]", "e\na\nc\nd\n"},
		"halts":                  {[]int{2, 0, 1}, []ending{ok("c"), ok("a"), halts}, false, "a\n", ""},
		"halts with a log":       {[]int{2, 0, 1}, []ending{ok("c"), ok("a"), halts}, true, "a\nc\n", "h\na\nc\n"},
		"halts before the first": {[]int{2, 1, 0}, []ending{ok("c"), halts, ok("a")}, false, "a\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "log")
			var got bytes.Buffer
			job := &Job{Out: &got, Failed: func(e LineError) { fmt.Fprintf(&got, "[%v]", e.Err) }}
			if test.log {
				var err error
				job.Log, err = joblog.Create(file)
				require.NoError(t, err)
				defer job.Log.Close()
			}
			out := startOutput(job, func(error) { t.Error("failed") })
			for i, place := range test.places {
				e := test.add[i]
				if !test.log {
					e.record = nil
				}
				out.add(place, e)
			}
			require.NoError(t, out.close())
			require.Equal(t, test.want, got.String())
			if test.log {
				logged, err := os.ReadFile(file)
				require.NoError(t, err)
				_, records, _ := strings.Cut(string(logged), "Item\n") // after the header
				require.ElementsMatch(t, strings.Fields(test.logged), strings.Fields(records))
			}
		})
	}
}
