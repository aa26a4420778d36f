package versions

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every kind of message between a client and a host crosses versions, both ways.
func TestMixedVersions(t *testing.T) {
	for name, pair := range map[string]struct{ client, host, other *string }{
		"old client, new host": {&oldProgram, &newProgram, &newProgram},
		"new client, old host": {&newProgram, &oldProgram, &oldProgram},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			client, other := *pair.client, *pair.other
			h := s.host(*pair.host)

			s.mapPrimes(client, 2_000, nil)
			got, _ := s.run(0, client, "submit", "echo", `{"a":[1,"zwei",null]}`)
			require.JSONEq(t, `{"a":[1,"zwei",null]}`, got)
			_, said := s.run(1, client, "submit", "sleep", "--", "-1")
			require.Contains(t, said, "cannot sleep")
			_, said = s.run(1, client, "submit", "nobody_has_this")
			require.Contains(t, said, "nobody_has_this")
			got, _ = s.run(0, client, "submit", "--limit", "200ms", "sleep", "600") // tells how long it slept
			require.Regexp(t, `^0\.\d+$`, got)

			// An argument and a result too large for a message, in the store of either.
			large := strings.Repeat("x", 1500<<10)
			cmd := s.command(client, "map", "echo")
			cmd.Stdin = strings.NewReader(strconv.Quote(large) + "\n")
			out, err := cmd.Output()
			require.NoError(t, err)
			require.Equal(t, large, strings.TrimSpace(string(out)))

			// A key that a task of one version has, met by the other version's client.
			held, _ := s.run(0, client, "submit", "--detach", "--queue", "nobody", "--key", "k", "echo", "1")
			met, _ := s.run(0, other, "submit", "--detach", "--queue", "nobody", "--key", "k", "echo", "1")
			require.Equal(t, held, met)
			s.run(0, other, "cancel", held)

			// A durable outcome, read by the other version's client.
			id, _ := s.run(0, client, "submit", "--detach", "is_prime", "97")
			got, _ = s.run(0, other, "result", id)
			require.Equal(t, "true", got)
			// A task that is stopped by the other version's client.
			id, _ = s.run(0, client, "submit", "--detach", "sleep", "600")
			s.run(0, other, "cancel", "--kill", id)
			_, said = s.run(1, client, "result", id)
			require.Contains(t, said, "cancel")

			s.drain(h)
		})
	}
}

// Hosts of the old version are replaced by new ones, one after the other, while
// clients of both work.
func TestUpgradeHostByHost(t *testing.T) {
	s := newStage(t)
	a, b := s.host(oldProgram), s.host(oldProgram)
	steps := map[int]func(){
		500: func() { s.drain(a); a = s.host(newProgram) },
		1_000: func() {
			s.mapPrimes(oldProgram, 500, nil) // on hosts of both versions
			s.drain(b)
			b = s.host(newProgram)
		},
	}
	s.mapPrimes(newProgram, 2_000, steps)
	s.mapPrimes(oldProgram, 500, nil)
	s.drain(a)
	s.drain(b)
}

// mapPrimes tests n numbers, of which some are always in the fleet's hands, and does
// each step when so many results have come. Every result must be there and right.
func (s *stage) mapPrimes(client string, n int, steps map[int]func()) {
	s.t.Helper()
	const ahead = 200
	const from = 10_000_000_000_001 // a prime costs milliseconds
	cmd := s.command(client, "map", "is_prime")
	stdin, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	room := make(chan struct{}, ahead)
	go func() {
		for i := range n {
			select {
			case room <- struct{}{}:
			case <-s.ctx.Done():
				return
			}
			if _, err := fmt.Fprintln(stdin, from+2*i); err != nil {
				return // the client ended; what it lacks is missed below
			}
		}
		stdin.Close()
	}()
	lines := bufio.NewScanner(stdout)
	for i := range n {
		require.True(s.t, lines.Scan(), "%d results of %d", i, n)
		want := big.NewInt(int64(from + 2*i)).ProbablyPrime(0) // exact below 2⁶⁴
		require.Equal(s.t, strconv.FormatBool(want), lines.Text(), "is_prime %d", from+2*i)
		if step := steps[i]; step != nil {
			step()
		}
		<-room
	}
	_, err = io.Copy(io.Discard, stdout)
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Wait())
}
