package joblog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/joblog"
)

const header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tTask\tHash\tFunc\tItem\n"

func record(seq, exit int, item string) string {
	r := joblog.Record{Seq: seq, Exit: exit, Func: "f", Hash: joblog.Hash([]byte(item), false), Item: joblog.Show([]byte(item))}
	return string(r.Append(nil))
}

func TestRecord(t *testing.T) {
	t.Parallel()
	r := joblog.Record{
		Seq: 7, Host: "h\t1", Start: time.UnixMilli(1_700_000_000_123), Run: 1500 * time.Millisecond, Send: 4, Receive: 5,
		Exit: 3, Signal: "SIGKILL", Task: "a-1", Hash: 255, Func: "f", Item: joblog.Show([]byte("a\tb\n\\\r\x00ü")),
	}
	require.Equal(t, "7\th\\t1\t1700000000.123\t1.500\t4\t5\t3\tSIGKILL\ta-1\t00000000000000ff\tf\ta\\tb\\n\\\\\\r\\x00ü\n",
		string(r.Append(nil)))
	require.Equal(t, "9\t-\t0.000\t0.000\t0\t0\t0\t-\t-\t0000000000000000\tf\t\n",
		string((&joblog.Record{Seq: 9, Start: time.Unix(0, 0), Func: "f"}).Append(nil)))
	shown := joblog.Show([]byte(strings.Repeat("ü", 200)))
	require.Less(t, len(shown), 130)
	require.True(t, strings.HasSuffix(shown, "ü…"))
	require.NotEqual(t, joblog.Hash([]byte("1"), false), joblog.Hash([]byte("1"), true))
}

func TestResume(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	log, err := joblog.Create(file)
	require.NoError(t, err)
	_, _, err = joblog.Resume(file, "f")
	require.ErrorIs(t, err, joblog.ErrBusy)
	for _, line := range []string{record(3, 0, "c"), record(1, 0, "a"), record(2, 1, "b"), record(2, 0, "b"), record(5, 1, "e")} {
		require.NoError(t, log.Append([]byte(line)))
	}
	require.NoError(t, log.Close())
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(whole), header))
	torn := record(4, 0, "d")
	require.NoError(t, os.WriteFile(file, append(whole, torn[:len(torn)-1]...), 0o600))

	for range 2 {
		log, done, err := joblog.Resume(file, "f")
		require.NoError(t, err)
		for i, want := range []bool{true, true, true, false, false, false} {
			item := string(rune('a' + i))
			got, err := done.Has(i+1, joblog.Hash([]byte(item), false))
			require.NoError(t, err)
			require.Equal(t, want, got, item)
		}
		require.NoError(t, log.Close())
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(whole), string(got), "what is torn is gone")
	}
	done, err := joblog.Read(file, "f")
	require.NoError(t, err)
	_, err = done.Has(2, joblog.Hash([]byte("x"), false))
	require.ErrorIs(t, err, joblog.ErrChanged)
	require.ErrorIs(t, done.End(2), joblog.ErrChanged)
	require.NoError(t, done.End(3))
}

func TestNothingYet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	done, err := joblog.Read(file, "f")
	require.NoError(t, err)
	require.NoError(t, done.End(0))
	for _, before := range []string{"", "Seq\tHo"} { // killed in its first write
		require.NoError(t, os.WriteFile(file, []byte(before), 0o600))
		log, _, err := joblog.Resume(file, "f")
		require.NoError(t, err)
		require.NoError(t, log.Append([]byte(record(1, 0, "a"))))
		require.NoError(t, log.Close())
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, header+record(1, 0, "a"), string(got))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "log")
	for text, want := range map[string]error{
		"notes\n": joblog.ErrFormat, "Seq?": joblog.ErrFormat, strings.Repeat("x", 1<<20): joblog.ErrFormat,
		header + "1\t2\n":                                                  joblog.ErrFormat,
		header + strings.Repeat("x\t", 11) + "\n":                          joblog.ErrFormat,
		header + record(0, 0, "a"):                                         joblog.ErrFormat,
		header + strings.Repeat("x", 1<<20) + "\n":                         joblog.ErrFormat,
		strings.ReplaceAll(header+record(1, 0, "a"), "\tf\t", "\tother\t"): joblog.ErrFunc,
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, _, err := joblog.Resume(file, "f")
		require.ErrorIs(t, err, want, "%.80q", text)
		_, err = joblog.Read(file, "f")
		require.ErrorIs(t, err, want, "%.80q", text)
		_, err = joblog.Create(file)
		require.ErrorIs(t, err, joblog.ErrExists)
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, text, string(got), "it is left as it was")
	}
	_, err := joblog.Create(dir)
	require.Error(t, err)
	log, err := joblog.Create(os.DevNull)
	require.NoError(t, err)
	require.NoError(t, log.Append([]byte("x\n")))
	require.NoError(t, log.Close())
}
