package chaos

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// good is a history in which everything holds: a has an ordinary life, the process
// of b was killed, c kills its process as often as it may, and d was submitted
// and never accepted.
func good() []record {
	return []record{
		{Event: ready, At: 1, Host: "h", PID: 7},
		{Event: submitted, At: 2, Client: "x", Task: "a", Arg: 3, Budget: 5},
		{Event: submitted, At: 3, Client: "x", Task: "b", Arg: 4, Budget: 5},
		{Event: submitted, At: 4, Client: "x", Task: "c", Arg: 5, Budget: 2, Deaths: 2},
		{Event: accepted, At: 5, Client: "x"},
		{Event: submitted, At: 6, Client: "x", Task: "d", Arg: 6, Budget: 5},
		{Event: started, At: 7, Task: "a", Attempt: 1, Host: "h", PID: 7, Born: 1},
		{Event: finished, At: 8, Task: "a", Attempt: 1, Host: "h", PID: 7, Born: 1},
		{Event: settled, At: 9, Task: "a", Value: compute(3)},
		{Event: started, At: 10, Task: "b", Attempt: 1, Host: "h", PID: 7, Born: 1},
		{Event: killed, At: 11, Host: "h", PID: 7},
		{Event: buried, At: 12, Host: "h", PID: 7, Running: true},
		{Event: started, At: 13, Task: "c", Attempt: 1, Host: "h", PID: 8, Born: 12},
		{Event: killed, At: 14, Host: "h", PID: 8, Born: 12},
		{Event: buried, At: 15, Host: "h", PID: 8, Running: true},
		{Event: started, At: 16, Task: "c", Attempt: 2, Host: "h", PID: 9, Born: 16},
		{Event: killed, At: 17, Host: "h", PID: 9, Born: 16},
		{Event: buried, At: 18, Host: "h", PID: 9, Running: true},
		{Event: settled, At: 19, Task: "c", Failure: "worker_died", Attempt: 2},
		{Event: ready, At: 20, Host: "h", PID: 7}, // the pid comes round
		{Event: started, At: 21, Task: "b", Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: finished, At: 22, Task: "b", Attempt: 2, Host: "h", PID: 7, Born: 20},
		{Event: settled, At: 23, Task: "b", Value: compute(4)},
		{Event: buried, At: 24, Host: "h", PID: 7, Expected: true},
	}
}

func TestGoodHistory(t *testing.T) {
	t.Parallel()
	require.Empty(t, check(newIndex(good())))
}

// Every invariant must be able to fail.
func TestViolations(t *testing.T) {
	t.Parallel()
	const (
		aSettled, bStarted, bKilled, bBuried, cKilled, cSettled, bSettled = 8, 9, 10, 11, 13, 18, 22
	)
	drop := func(i int) func([]record) []record {
		return func(h []record) []record { return append(h[:i:i], h[i+1:]...) }
	}
	change := func(i int, to func(*record)) func([]record) []record {
		return func(h []record) []record { to(&h[i]); return h }
	}
	add := func(r record) func([]record) []record {
		return func(h []record) []record { return append(h, r) }
	}
	for _, test := range []struct {
		what     string
		spoil    func([]record) []record
		violated func(*index) []string
	}{
		{"an outcome is missing", drop(aSettled), nothingLost},
		{"an accepted task never ran", add(record{Event: accepted, At: 30, Client: "x"}), nothingLost},
		{"the same outcome again", add(record{Event: settled, At: 30, Task: "a", Value: compute(3)}), nothingTwice},
		{"an outcome of nothing", add(record{Event: settled, At: 30, Task: "z"}), nothingInvented},
		{"a start of nothing", add(record{Event: started, At: 30, Task: "z", Attempt: 1, PID: 3, Born: 30}), nothingInvented},
		{"another task's value", change(aSettled, func(r *record) { r.Value = compute(4) }), rightValues},
		{"a value before its time", change(aSettled, func(r *record) { r.At = 7 }), rightValues},
		{"a value from nowhere", add(record{Event: settled, At: 30, Task: "d", Value: compute(6)}), rightValues},
		{"a failure of another kind", change(aSettled, func(r *record) { r.Failure = "expired" }), failuresDue},
		{"a failure before the budget is used up", change(cSettled, func(r *record) { r.Attempt = 1 }), failuresDue},
		{"a success that cannot be", func(h []record) []record {
			h[cSettled] = record{Event: settled, At: 19, Task: "c", Value: compute(5)}
			return append(h, record{Event: finished, At: 18, Task: "c", Attempt: 2, PID: 9, Born: 16})
		}, failuresDue},
		{"a charge without a death", add(record{Event: started, At: 30, Task: "a", Attempt: 2, PID: 3, Born: 30}), chargesDue},
		{"a charge for another task's death", change(bStarted, func(r *record) { r.Task = "d" }), chargesDue},
		{"a second charge for one death", add(record{Event: started, At: 30, Task: "b", Attempt: 3, PID: 3, Born: 30}), chargesDue},
		{"a charge for a host's death", func(h []record) []record { return drop(bKilled)(drop(bBuried)(h)) }, chargesDue},
		{"a failure charged to a process that left in good order", func(h []record) []record {
			h[bBuried].Expected = true
			return drop(bKilled)(h)
		}, chargesDue},
		{"two tasks at once", add(record{Event: started, At: 30, Task: "a", Attempt: 1, PID: 9, Born: 16}), oneAtATime},
		{"the end of another task", add(record{Event: finished, At: 30, Task: "a", Attempt: 1, PID: 7, Born: 20}), oneAtATime},
		{"a death that nobody caused", drop(bKilled), deathsExplained},
		{"a process is left", add(record{Event: left, Note: "process 3 is left"}), nothingLeft},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			x := newIndex(test.spoil(good()))
			require.NotEmpty(t, test.violated(x))
			require.NotEmpty(t, check(x))
		})
	}
}

// The board says that a task runs a moment longer than the handler can say so.
func TestSpareDeathAnswersForOneCharge(t *testing.T) {
	t.Parallel()
	h := append(good(),
		record{Event: killed, At: 30, Host: "h", PID: 5},
		record{Event: buried, At: 31, Host: "h", PID: 5, Running: true}, // with no start of its own
		record{Event: started, At: 32, Task: "d", Attempt: 2, Host: "h", PID: 6, Born: 31},
	)
	require.Empty(t, chargesDue(newIndex(h)))
	h = append(h, record{Event: started, At: 33, Task: "a", Attempt: 2, Host: "h", PID: 4, Born: 33})
	require.Len(t, chargesDue(newIndex(h)), 2)
	h[len(h)-3].Running = false // nobody was charged
	require.Len(t, chargesDue(newIndex(h[:len(h)-1])), 1)
}

func TestEveryInvariantIsChecked(t *testing.T) {
	t.Parallel()
	for _, i := range invariants {
		require.NotEmpty(t, i.name)
		require.Empty(t, i.check(newIndex(good())), i.name)
		require.Empty(t, i.check(newIndex(nil)), i.name)
	}
}

func TestHistoryRoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), historyFile)
	for _, r := range good() { // each by a writer of its own
		h, err := openRecorder(path)
		require.NoError(t, err)
		h.add(r)
		h.close()
	}
	read, err := readHistory(path)
	require.NoError(t, err)
	require.Equal(t, good(), read)
}
