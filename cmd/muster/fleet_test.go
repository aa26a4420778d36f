package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// primesTo returns what "seq 1 N | muster map is_prime" must print.
func primesTo(n int) (input, want string) {
	composite := make([]bool, n+1)
	var in, out strings.Builder
	for i := 1; i <= n; i++ {
		if !composite[i] && i > 1 {
			for j := i * i; j <= n; j += i {
				composite[j] = true
			}
		}
		fmt.Fprintln(&in, i)
		fmt.Fprintln(&out, !composite[i] && i > 1)
	}
	return in.String(), out.String()
}

func TestFleet(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "2")
	startWorker(t, url, "--processes", "2")

	t.Run("primes in order", func(t *testing.T) {
		t.Parallel()
		input, want := primesTo(2000)
		require.Equal(t, ended{stdout: want}, run(t, strings.NewReader(input), "map", "is_prime", "--url", url))
	})
	t.Run("five large numbers", func(t *testing.T) {
		t.Parallel()
		input := "112272535095293\n112582705942171\n115280095190773\n115797848077099\n1099726899285419\n"
		require.Equal(t, ended{stdout: "true\ntrue\ntrue\ntrue\nfalse\n"},
			run(t, strings.NewReader(input), "map", "is_prime", "--url", url))
	})
	t.Run("every line of a large package", func(t *testing.T) {
		t.Parallel()
		input, want := sourceOfHTTP(t)
		got := run(t, strings.NewReader(input), "map", "--raw", "sha256", "--url", url)
		require.Zero(t, got.status, got.stderr)
		require.Empty(t, got.stderr)
		require.True(t, want == got.stdout, "the hashes differ")
	})
}

// sourceOfHTTP returns the Go source of net/http, and the SHA-256 of each line.
func sourceOfHTTP(t *testing.T) (input, want string) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/net/http/*.go"))
	require.NoError(t, err)
	var all, sums strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	for line := range strings.Lines(all.String()) {
		sum := sha256.Sum256([]byte(strings.TrimSuffix(line, "\n")))
		fmt.Fprintln(&sums, hex.EncodeToString(sum[:]))
	}
	require.Greater(t, strings.Count(sums.String(), "\n"), 30_000)
	return all.String(), sums.String()
}

func TestFleetOutlivesDeaths(t *testing.T) {
	t.Parallel()
	for what, kill := range map[string]func(t *testing.T, worker *service){
		"worker process": func(t *testing.T, worker *service) {
			pid, err := strconv.Atoi(strings.Fields(worker.ready[1])[0])
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		},
		"supervisor": func(t *testing.T, worker *service) { worker.kill(t) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			url := startBroker(t)
			victim := startWorker(t, url, "--processes", "2")
			startWorker(t, url, "--processes", "2")

			cmd := muster(t, "map", "is_prime", "--url", url)
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Start())
			input, want := primesTo(2000)
			half := strings.Index(input, "\n1001\n") + 1
			go func() {
				_, _ = io.WriteString(stdin, input[:half])
			}()
			results := bufio.NewReader(stdout)
			var got strings.Builder
			for range 500 {
				line, err := results.ReadString('\n')
				require.NoError(t, err)
				got.WriteString(line)
			}
			kill(t, victim)
			go func() {
				_, _ = io.WriteString(stdin, input[half:])
				stdin.Close()
			}()
			rest, err := io.ReadAll(results)
			require.NoError(t, err)
			got.Write(rest)
			require.NoError(t, cmd.Wait())
			require.Equal(t, want, got.String())
			require.Empty(t, stderr.String())
		})
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"is_prime", "18446744073709551557"}, "true\n"},
		{[]string{"count_primes", `{"from": 10, "to": 20}`}, "4\n"},
		{[]string{"sha256", `"hello"`}, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"},
		{[]string{"echo"}, "null\n"},
		{[]string{"echo", `[18446744073709551615, -9223372036854775808, 0.5, "ü<&>", {"b": true, "a": []}]`},
			`[18446744073709551615,-9223372036854775808,0.5,"ü<&>",{"a":[],"b":true}]` + "\n"},
	} {
		got := run(t, nil, append([]string{"submit", "--url", url}, test.args...)...)
		require.Equal(t, ended{stdout: test.want}, got, test.args)
	}
	run(t, nil, "submit", "--url", url, "nosuchfunc").requireFailure(t, 1, `unknown func: "nosuchfunc"`)
	for arg, want := range map[string]string{
		`{"from": -5, "to": 10}`:   "muster: argument does not decode: field from: -5 is out of range; use 0 to 18446744073709551615\n",
		`{"from": "a", "to": 10}`:  "muster: argument does not decode: field from: a string where an integer belongs\n",
		`{"from": 1, "from": 2}`:   "muster: an object has two equal keys\n",
		"123456789012345678901234": "muster: the integer 123456789012345678901234 needs more than 64 bits; write it as a string, in quotes\n",
	} {
		require.Equal(t, ended{stderr: want, status: 1}, run(t, nil, "submit", "--url", url, "count_primes", arg))
	}
	run(t, nil, "submit", "--url", url, "sleep", "--", "-1").requireFailure(t, 1, "cannot sleep -1 seconds")
}
