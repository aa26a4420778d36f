package chaos

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoodHistory(t *testing.T) {
	t.Parallel()
	require.Empty(t, check(newIndex(good())))
}

// Every invariant must be able to fail.
func TestViolations(t *testing.T) {
	t.Parallel()
	const (
		plainSettled, struckStarted, struckKilled, struckBuried, deadlySettled = 9, 10, 11, 12, 19
		durableSettled, badSettled, keyedFinished, keyedAgain, keyedSettled    = 37, 59, 50, 43, 53
	)
	for _, test := range []struct {
		what     string
		spoil    spoil
		violated func(*index) []string
	}{
		{"an outcome is missing", drop(62), nothingLost},
		{"an accepted task never ran", add(
			record{Event: submitted, At: 70, Client: "y", Task: "y-9", Budget: 5, Attempts: 1}, record{Event: accepted, At: 71, Client: "y"},
		), nothingLost},
		{"a durable task's outcome died with its client", drop(33, durableSettled), nothingLost},
		{"an outcome that was attached to is missing", drop(34), nothingLost},
		{"one of two futures of a task has no outcome", drop(keyedSettled), nothingLost},
		{"a task with a key is stored when it is submitted", add(
			record{Event: submitted, At: 70, Client: "y", Task: "y-9", Budget: 5, Attempts: 1, Key: "l"},
		), nothingLost},
		{"the same outcome again", add(record{Event: settled, At: 70, Client: "x", Task: plain, Value: compute(3)}), nothingTwice},
		{"three outcomes of two futures", add(record{Event: settled, At: 70, Client: "y", Task: keyed, Value: compute(11)}), nothingTwice},
		{"another outcome for who attaches", change(34, func(r *record) { r.Value = compute(4) }), oneOutcome},
		{"another failure for who attaches", add(
			record{Event: attached, At: 70, Client: "y", Task: deadly},
			record{Event: settled, At: 71, Client: "y", Task: deadly, Failure: "worker_died", Attempt: 3},
		), oneOutcome},
		{"an outcome of nothing", add(record{Event: settled, At: 70, Client: "y", Task: "y-9"}), nothingInvented},
		{"a dead client's outcome for another", drop(33), nothingInvented},
		{"a start of nothing", add(record{Event: started, At: 70, Task: "y-9", Attempt: 1, PID: 3, Born: 70}), nothingInvented},
		{"a dead client submitted two tasks at once", add(record{Event: started, At: 70, Task: "x-8", Attempt: 1, PID: 3, Born: 70}), nothingInvented},
		{"another task's value", change(plainSettled, func(r *record) { r.Value = compute(4) }), rightValues},
		{"another task's value for who attaches", change(durableSettled, func(r *record) { r.Value = compute(3) }), rightValues},
		{"a value before its time", change(plainSettled, func(r *record) { r.At = 7 }), rightValues},
		{"a value from nowhere", add(record{Event: settled, At: 70, Client: "x", Task: unstored, Value: compute(6)}), rightValues},
		{"a value of an attempt that returned an error", drop(55), rightValues},
		{"a failure of another kind", change(plainSettled, func(r *record) { r.Failure = "expired" }), failuresDue},
		{"a failure before the budget is used up", change(deadlySettled, func(r *record) { r.Attempt = 1 }), failuresDue},
		{"a success that cannot be", all(
			change(deadlySettled, func(r *record) { r.Failure, r.Value = "", compute(5) }),
			add(record{Event: finished, At: 18, Task: deadly, Attempt: 2, PID: 9, Born: 16}),
		), failuresDue},
		{"a success of what returns errors only", change(badSettled, func(r *record) { r.Failure, r.Value = "", compute(10) }), failuresDue},
		{"an error that another attempt would have mended", change(56, func(r *record) { r.Failure, r.Note = "error", complaint(9) }), failuresDue},
		{"an error before the budget is used up", change(badSettled, func(r *record) { r.Attempt = 1 }), failuresDue},
		{"another task's error", change(badSettled, func(r *record) { r.Note = complaint(9) }), failuresDue},
		{"errors that count as deaths", change(badSettled, func(r *record) { r.Failure = "worker_died" }), failuresDue},
		{"a charge without a death", add(record{Event: started, At: 70, Task: plain, Attempt: 2, PID: 3, Born: 70}), chargesDue},
		{"a charge for another task's death", change(struckStarted, func(r *record) { r.Task = unstored }), chargesDue},
		{"a second charge for one death", add(record{Event: started, At: 70, Task: struckBy, Attempt: 3, PID: 3, Born: 70}), chargesDue},
		{"a charge for a host's death", drop(struckKilled, struckBuried), chargesDue},
		{"a failure charged to a process that left in good order", all(
			change(struckBuried, func(r *record) { r.Expected = true }), drop(struckKilled),
		), chargesDue},
		{"a second charge for one error", add(record{Event: started, At: 70, Task: shaky, Attempt: 3, PID: 3, Born: 70}), chargesDue},
		{"a charge without an error", drop(46), chargesDue},
		{"an attempt more than may end with an error", add(
			record{Event: started, At: 70, Task: bad, Attempt: 3, PID: 3, Born: 70}, record{Event: erred, At: 71, Task: bad, Attempt: 3, PID: 3, Born: 70},
		), errorsWithinBudget},
		{"no dead letter of a task that killed its processes", drop(64), lettersKept},
		{"no dead letter of a task that returned errors", drop(65), lettersKept},
		{"a dead letter of a task that is well", add(record{Event: kept, At: 70, Task: shaky}), lettersKept},
		{"two tasks with one key", change(keyedFinished, func(r *record) { r.At = 52 }), oneHolder},
		{"a key that nobody gave up", drop(keyedFinished), oneHolder},
		{"a key of a task that is long over", change(keyedAgain, func(r *record) { r.At = 54 + int64(stale) }), keysGivenUp},
		{"a task for who asked for another key", change(keyedAgain, func(r *record) { r.Key = "l" }), sharedByKey},
		{"a task for who asked for no key", add(record{Event: submitted, At: 70, Client: "y", Task: shaky}), sharedByKey},
		{"two tasks at once", add(record{Event: started, At: 70, Task: plain, Attempt: 1, PID: 9, Born: 16}), oneAtATime},
		{"the end of another task", add(record{Event: finished, At: 70, Task: plain, Attempt: 1, PID: 7, Born: 20}), oneAtATime},
		{"an error of another task", add(record{Event: erred, At: 70, Task: plain, Attempt: 1, PID: 7, Born: 20}), oneAtATime},
		{"a death that nobody caused", drop(struckKilled), deathsExplained},
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

// What is allowed, though it looks odd.
func TestNoViolations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what  string
		spoil spoil
	}{
		{"a dead client's task has no outcome", drop(23)},
		{"it is run all the same", add(
			record{Event: started, At: 70, Task: orphan, Attempt: 1, PID: 3, Born: 70}, record{Event: finished, At: 71, Task: orphan, Attempt: 1, PID: 3, Born: 70},
		)},
		{"nobody knows whether it is stored, and its outcome comes", add(
			record{Event: started, At: 70, Task: unstored, Attempt: 1, PID: 3, Born: 70}, record{Event: finished, At: 71, Task: unstored, Attempt: 1, PID: 3, Born: 70},
			record{Event: attached, At: 70, Client: "y", Task: unstored}, record{Event: settled, At: 72, Client: "y", Task: unstored, Value: compute(6)},
		)},
		{"nobody knows whether it is stored, and no outcome comes", add(record{Event: attached, At: 70, Client: "y", Task: unstored})},
		{"an attempt that returned an error is started again", add(
			record{Event: started, At: 70, Task: shaky, Attempt: 1, PID: 3, Born: 70}, record{Event: erred, At: 71, Task: shaky, Attempt: 1, PID: 3, Born: 70},
		)},
		{"a host tells of a death before it is noted who has killed the process", swap(11, 12)},
		{"a process dies under an attempt after an error", add(
			record{Event: started, At: 70, Task: shaky, Attempt: 2, PID: 3, Born: 70}, record{Event: killed, At: 71, PID: 3},
			record{Event: started, At: 72, Task: shaky, Attempt: 3, PID: 4, Born: 72}, record{Event: finished, At: 73, Task: shaky, Attempt: 3, PID: 4, Born: 72},
		)},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, check(newIndex(test.spoil(good()))))
		})
	}
}

// The board says that a task runs a moment longer than the handler can say so.
func TestSpareDeathAnswersForOneCharge(t *testing.T) {
	t.Parallel()
	h := append(good(),
		record{Event: killed, At: 70, Host: "h", PID: 5},
		record{Event: buried, At: 71, Host: "h", PID: 5, Running: true}, // with no start of its own
		record{Event: started, At: 72, Task: unstored, Attempt: 2, Host: "h", PID: 6, Born: 71},
	)
	require.Empty(t, chargesDue(newIndex(h)))
	h = append(h, record{Event: started, At: 73, Task: plain, Attempt: 2, Host: "h", PID: 4, Born: 73})
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
