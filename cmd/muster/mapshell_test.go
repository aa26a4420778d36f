package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestMapFlags(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2", "--exec", `nap=sh -c 'sleep "$0"; echo "$0"'`)
	mapAll := func(input, args string) ended {
		return run(t, strings.NewReader(input), append([]string{"map", "--url", url}, strings.Fields(args)...)...)
	}
	t.Run("halt", func(t *testing.T) {
		t.Parallel()
		for _, args := range []string{"--halt 2", "--halt now,fail=2"} {
			got := mapAll("3\n1e999\n4\n2e999\n5\n", args+" is_prime")
			require.Equal(t, ended{status: 1, stdout: "true\nfalse\n",
				stderr: "line 2: the number 1e999 is out of range\nmuster: line 4: the number 2e999 is out of range\n"}, got)
		}
		require.Equal(t, ended{status: 1, stdout: "true\nfalse\n", stderr: "line 2: the number 1e999 is out of range\n"},
			mapAll("3\n1e999\n4\n", "--halt never is_prime"))
		got := mapAll("3\n1e999\n", "--halt soon,fail=1 is_prime")
		require.Equal(t, ended{status: 1, stdout: "true\n", stderr: "muster: line 2: the number 1e999 is out of range\n"}, got)
	})
	t.Run("keep order", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, ended{stdout: "0.2\n0\n"}, mapAll("0.2\n0\n", "--keep-order --retries 0 --chunk 1 nap"))
		require.Equal(t, ended{stdout: "0\n2\n"}, mapAll("2\n0\n", "--keep-order=false --chunk 1 nap"))
	})
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		mapAll(endless+"\n", "--timeout 20ms count_primes").requireFailure(t, 1, "line 1: time limit exceeded")
	})
	t.Run("retries", func(t *testing.T) {
		t.Parallel()
		mapAll("-1\n", "--retries 2 --backoff 1ms sleep").requireFailure(t, 1, "line 1: cannot sleep -1 seconds")
		require.Contains(t, strings.Join(mustRun(t, "dead", "ls", "--url", url), "\n"), " 3       cannot sleep -1 seconds")
	})
}

func TestMapDryRun(t *testing.T) {
	t.Parallel()
	got := run(t, strings.NewReader("1\n<a>\n\n{\"x\": [1.50]}\n1e999"), "map", "--dry-run", "--keep-going", "f", "--url", "nats://127.0.0.1:1")
	require.Equal(t, ended{
		stdout: `{"func":"f","arg":1}` + "\n" + `{"func":"f","arg":"<a>"}` + "\n" + `{"func":"f","arg":""}` + "\n" +
			`{"func":"f","arg":{"x":[1.5]}}` + "\n",
		stderr: "line 5: the number 1e999 is out of range\n", status: 1,
	}, got)
	got = run(t, strings.NewReader("1\x002\n"), "map", "--dry-run", "--raw", "--null", "f")
	require.Equal(t, ended{stdout: `{"func":"f","arg":"1"}` + "\n" + `{"func":"f","arg":"2\n"}` + "\n"}, got)
}

func TestJobLog(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	log := filepath.Join(t.TempDir(), "log")
	mapLog := func(input, args string) ended {
		return run(t, strings.NewReader(input), append([]string{"map", "--url", url, "--joblog", log}, strings.Fields(args)...)...)
	}
	require.Equal(t, 1, mapLog("3\nx\n4\n", "--resume --keep-going is_prime").status)
	lines := logged(t, log)
	require.Len(t, lines, 3)
	require.Equal(t, []string{"1", "-", "1", "5", "0", "-", "is_prime", "3"}, pick(lines[0], 0, 1, 4, 5, 6, 7, 10, 11))
	require.Equal(t, []string{"2", "1", "0", "1", "-", "x"}, pick(lines[1], 0, 4, 5, 6, 7, 11))
	require.NotEqual(t, "-", lines[1][1], "host")
	ids := map[string]bool{}
	for _, line := range lines {
		_, err := codec.ParseID(line[8])
		require.NoError(t, err)
		ids[line[8]] = true
	}
	require.Len(t, ids, 3)

	mapLog("", "is_prime").requireFailure(t, 2, "go on with it by --resume, or remove it")
	mapLog("", "--resume echo").requireFailure(t, 2, "job log of another func")
	mapLog("7\n", "--resume is_prime").requireFailure(t, 1, "item 1: the input is not the one of the job log")
	mapLog("3\n", "--resume is_prime").requireFailure(t, 1, "it ends after 1 items, before item 3")
	mapLog("3\nx\n4\n", "--resume --raw is_prime").requireFailure(t, 1, "item 1: the input is not")
	require.Equal(t, ended{stdout: `{"func":"is_prime","arg":5}` + "\n"}, mapLog("3\n5\n4\n", "--resume --dry-run is_prime"))
	require.Len(t, logged(t, log), 3)
	require.Equal(t, ended{stdout: "true\n"}, mapLog("3\n5\n4\n", "--resume is_prime"))
	require.Equal(t, ended{}, mapLog("3\n5\n4\n", "--resume is_prime"))
	require.NoError(t, os.WriteFile(log, []byte("notes\n"), 0o600))
	mapLog("", "--resume is_prime").requireFailure(t, 2, "not a job log")
	log = filepath.Join(t.TempDir(), "missing", "log")
	mapLog("1\n", "is_prime").requireFailure(t, 1, "opening the job log: open "+log)
	if full := "/dev/full"; exists(full) {
		log = full
		got := mapLog("3\n", "is_prime")
		require.Equal(t, 1, got.status)
		require.Contains(t, got.stderr, "writing the job log: write /dev/full")
	}
}

// Exitval and Signal say how an item's process has ended, and other ends have values of
// their own. None but a success is 0.
func TestJobLogTellsHowItemsEnd(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--exec", `end=sh -c 'case $0 in
		kill*) kill -${0#kill} $$ ;; sleep) exec sleep 1000 ;; *) exit $0 ;; esac'`,
		"--exec-server", `server=sh -c 'echo "{\"ready\":true}"; read line; kill -9 $$'`)
	log := filepath.Join(t.TempDir(), "log")
	for _, test := range []struct{ args, item, exit, signal string }{
		{"end", "0", "0", "-"}, {"end", "1", "1", "-"}, {"end", "3", "3", "-"}, {"end", "126", "126", "-"}, {"end", "255", "255", "-"},
		{"end", "killKILL", "137", "SIGKILL"}, {"end", "killTERM", "143", "SIGTERM"}, {"end", "killSEGV", "139", "SIGSEGV"},
		{"--timeout 300ms end", "sleep", "124", "-"}, {"nosuchfunc", "1", "127", "-"}, {"--raw is_prime", "x", "1", "-"},
		{"echo", "1e999", "1", "-"}, {"--crashes 1 server", "1", "137", "-"},
	} {
		require.NoError(t, os.RemoveAll(log))
		args := append([]string{"map", "--url", url, "--joblog", log}, strings.Fields(test.args)...)
		got := run(t, strings.NewReader(test.item+"\n"), args...)
		lines := logged(t, log)
		require.Len(t, lines, 1, got.stderr)
		require.Equal(t, []string{test.exit, test.signal}, pick(lines[0], 6, 7), "%s %s: %s", test.args, test.item, got.stderr)
		again := run(t, strings.NewReader(test.item+"\n"), append(args, "--resume")...)
		require.Equal(t, test.exit == "0", again.status == 0)
		want := 2
		if test.exit == "0" {
			want = 1
		}
		require.Len(t, logged(t, log), want, "what has failed is run again")
	}
}

// The time in a job log is that of the task alone, not that of those before it.
func TestJobLogTime(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	for _, order := range []string{"--keep-order", "--unordered"} {
		log := filepath.Join(t.TempDir(), "log")
		require.Zero(t, run(t, strings.NewReader("0.6\n0\n"), "map", "--url", url, order, "--joblog", log, "sleep").status)
		lines := logged(t, log)
		slices.SortFunc(lines, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
		long, err := strconv.ParseFloat(lines[0][3], 64)
		require.NoError(t, err)
		short, err := strconv.ParseFloat(lines[1][3], 64)
		require.NoError(t, err)
		require.GreaterOrEqual(t, long, 0.6)
		require.Less(t, short, 0.5)
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// logged returns the columns of each line of a job log but the header.
func logged(t *testing.T, file string) (lines [][]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		require.True(t, strings.HasSuffix(line, "\n"), line)
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, columns, 12, line)
		lines = append(lines, columns)
	}
	require.Equal(t, "Seq", lines[0][0])
	return lines[1:]
}

func pick(columns []string, which ...int) (picked []string) {
	for _, i := range which {
		picked = append(picked, columns[i])
	}
	return picked
}

// A run that ends after a third, in whatever way, is gone on with: each line is
// done once in the log, and each result is printed.
func TestMapResumes(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2")
	const lines = 60_000 // of which some ten thousand are read ahead
	var input bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&input, "%06d %s\n", i, strings.Repeat("x", 140))
	}
	file := filepath.Join(t.TempDir(), "input")
	require.NoError(t, os.WriteFile(file, input.Bytes(), 0o600))
	for _, test := range []struct {
		order string
		end   syscall.Signal
	}{
		{"--keep-order", syscall.SIGINT}, {"--keep-order", syscall.SIGKILL},
		{"--keep-order", syscall.SIGTERM}, {"--keep-order", syscall.SIGHUP},
		{"--unordered", syscall.SIGTERM}, {"--unordered", syscall.SIGKILL},
	} {
		t.Run(test.order+" "+test.end.String(), func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			in, err := os.Open(file)
			require.NoError(t, err)
			defer in.Close()
			cmd := muster(t, "map", "--url", url, "--joblog", log, test.order, "--raw", "echo")
			cmd.Stdin = in
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			var first bytes.Buffer
			_, err = io.CopyN(&first, out, int64(input.Len()/3))
			require.NoError(t, err)
			require.NoError(t, cmd.Process.Signal(test.end))
			_, err = io.Copy(&first, out)
			require.NoError(t, err)
			require.Error(t, cmd.Wait())
			if test.end != syscall.SIGKILL {
				require.Equal(t, 1, cmd.ProcessState.ExitCode())
				require.Equal(t, first.Len(), received(t, log), "what is logged is what is printed")
			} else {
				require.LessOrEqual(t, received(t, log), first.Len())
			}
			require.Less(t, first.Len(), input.Len())

			in2, err := os.Open(file)
			require.NoError(t, err)
			defer in2.Close()
			rest := run(t, in2, "map", "--url", url, "--joblog", log, "--resume", test.order, "--raw", "echo")
			require.Zero(t, rest.status, rest.stderr)
			times := make([]int, lines+1)
			for _, line := range logged(t, log) {
				seq, err := strconv.Atoi(line[0])
				require.NoError(t, err)
				require.Equal(t, "0", line[6])
				times[seq]++
			}
			require.Equal(t, append([]int{0}, slices.Repeat([]int{1}, lines)...), times)
			if test.end == syscall.SIGKILL { // then the last results may be there twice, or torn
				trusted := received(t, log) - len(rest.stdout)
				first.Truncate(trusted)
			}
			all := first.String() + rest.stdout
			if test.order == "--unordered" {
				all = strings.Join(slices.Sorted(strings.Lines(all)), "")
			}
			require.True(t, all == input.String(), "the results differ")
		})
	}
}

// received returns how many bytes of results a job log tells of.
func received(t *testing.T, file string) (bytes int) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	whole := text[:strings.LastIndexByte(string(text), '\n')+1]
	for line := range strings.Lines(string(whole)) {
		n, _ := strconv.Atoi(strings.Split(line, "\t")[5]) // of the header 0
		bytes += n
	}
	return bytes
}
