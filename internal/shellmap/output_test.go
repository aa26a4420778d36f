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

func startOutput(job *Job, broken func(error)) *output {
	return newOutput(job, newWindow(maxBytes, MaxItems), broken)
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
	_, err = out.close()
	require.NoError(t, err)
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
	_, err = out.close()
	require.Equal(t, broken, err)
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
	_, err = out.close()
	require.ErrorContains(t, err, "writing the job log")
}

// What is added comes out by its place, whatever the order and the sizes. After a
// place that stays empty no result is printed, and after the failure that ends the run
// only those of which a job log tells, but failures are always reported.
func TestOutputOrders(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", largeLine)
	ok := func(text string) ending { return ending{line: []byte(text + "\n"), record: []byte(text[:1] + "\n")} }
	bad := func(text string) ending {
		return ending{failed: LineError{Err: errors.New(text)}, record: []byte(text + "\n")}
	}
	never, first, second, soon := Halt{Never: true}, Halt{}, Halt{Failures: 2}, Halt{Soon: true}
	for name, test := range map[string]struct {
		places []int
		add    []ending
		halt   Halt
		log    bool
		want   string // failures in brackets
		halted string
		logged string // in any order
	}{
		"in order":          {[]int{0, 1, 2}, []ending{ok("a"), bad("b"), ok("c")}, never, false, "a\n[b]c\n", "", ""},
		"backwards":         {[]int{2, 1, 0}, []ending{ok("c"), bad("b"), ok("a")}, never, true, "a\n[b]c\n", "", "b\na\nc\n"},
		"large":             {[]int{1, 2, 0}, []ending{ok(large), ok("c"), ok("a")}, first, true, "a\n" + large + "\nc\n", "", "a\nx\nc\n"},
		"a gap":             {[]int{2, 0, 4, 3}, []ending{ok("c"), ok("a"), bad("e"), ok("d")}, never, false, "a\n[e]", "", ""},
		"a gap with a log":  {[]int{2, 0, 4, 3}, []ending{ok("c"), ok("a"), bad("e"), ok("d")}, never, true, "a\n[e]", "", "e\na\n"},
		"halts":             {[]int{2, 0, 1}, []ending{ok("c"), ok("a"), bad("b")}, first, false, "a\n", "b", ""},
		"halts with a log":  {[]int{2, 0, 1}, []ending{ok("c"), ok("a"), bad("b")}, first, true, "a\nc\n", "b", "b\na\nc\n"},
		"halts after a gap": {[]int{3, 2}, []ending{bad("d"), bad("c")}, first, false, "", "c", ""},
		"the first halts":   {[]int{1, 0}, []ending{bad("b"), bad("a")}, first, false, "", "a", ""},
		"the second halts":  {[]int{2, 1, 3, 0}, []ending{bad("c"), bad("b"), ok("d"), ok("a")}, second, false, "a\n[b]", "c", ""},
		"halts soon":        {[]int{1, 2, 3, 0}, []ending{bad("b"), bad("c"), ok("d"), ok("a")}, soon, false, "a\n[c]d\n", "b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "log")
			var got bytes.Buffer
			job := &Job{Out: &got, Halt: test.halt, Failed: func(e LineError) { fmt.Fprintf(&got, "[%v]", e.Err) }}
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
			halted, err := out.close()
			require.NoError(t, err)
			require.Equal(t, test.want, got.String())
			if test.halted == "" {
				require.NoError(t, halted.Err)
			} else {
				require.EqualError(t, halted.Err, test.halted)
			}
			if test.log {
				logged, err := os.ReadFile(file)
				require.NoError(t, err)
				_, records, _ := strings.Cut(string(logged), "Item\n") // after the header
				require.ElementsMatch(t, strings.Fields(test.logged), strings.Fields(records))
			}
		})
	}
}
