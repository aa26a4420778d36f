package compose

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	tasks = 20_000
	// ahead is how many tasks are handed in beyond the last result: what there is
	// to lose when something dies.
	ahead = 4_000
)

// What happens when so many results have come.
var faults = []struct {
	results int
	happens func(s *stand)
}{
	{4_000, func(s *stand) { s.kill("broker-1", "host-1") }},
	{8_000, func(s *stand) { s.start("broker-1", "host-1"); s.awaitHealthy("broker-1") }},
	{12_000, func(s *stand) { s.kill("broker-2", "host-2") }},
	{16_000, func(s *stand) { s.start("broker-2", "host-2"); s.awaitHealthy("broker-2") }},
}

// A broker node and a worker host die in the middle of the work, come back, and
// the others do the same. Every result is there, in order, and right.
func TestFleet(t *testing.T) {
	s := newStand(t)
	began := time.Now()
	s.up()
	t.Logf("up after %.1f s", time.Since(began).Seconds())

	began = time.Now()
	cmd := s.command(clientScript, "map", "is_prime")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())

	numbers := odd(tasks)
	room := make(chan struct{}, ahead)
	go func() {
		for _, n := range numbers {
			select {
			case room <- struct{}{}:
			case <-s.ctx.Done():
				return
			}
			if _, err := fmt.Fprintln(stdin, n); err != nil {
				return // the client ended; what it lacks is missed below
			}
		}
		stdin.Close()
	}()
	var results, primes int
	next := faults
	for lines := bufio.NewScanner(stdout); lines.Scan(); results++ {
		require.Less(t, results, tasks, "more results than tasks")
		want := new(big.Int).SetUint64(numbers[results]).ProbablyPrime(0) // exact below 2⁶⁴
		require.Equal(t, strconv.FormatBool(want), lines.Text(), "is_prime %d", numbers[results])
		if want {
			primes++
		}
		if len(next) > 0 && results == next[0].results {
			next[0].happens(s)
			t.Logf("%d results after %.1f s", results, time.Since(began).Seconds())
			next = next[1:]
		}
		<-room
	}
	require.NoError(t, cmd.Wait(), "%s", stderr.String())
	require.Equal(t, tasks, results, "results are missing")
	t.Logf("%d tasks, %d of them primes, after %.1f s", results, primes, time.Since(began).Seconds())

	s.requireNothingLeft()
	require.Equal(t, "true", s.run(clientScript, "submit", "is_prime", "97"), "the fleet works no more")
}

// requireNothingLeft sees that no task waits, runs, or was given up.
func (s *stand) requireNothingLeft() {
	s.t.Helper()
	s.await("an empty queue", func() bool {
		var queues []struct {
			Waiting  uint64 `json:"waiting"`
			InFlight uint64 `json:"in_flight"`
		}
		require.NoError(s.t, json.Unmarshal([]byte(s.run(clientScript, "queue", "ls", "--json")), &queues))
		require.Len(s.t, queues, 1)
		return queues[0].Waiting+queues[0].InFlight == 0
	})
	var dead []json.RawMessage
	require.NoError(s.t, json.Unmarshal([]byte(s.run(clientScript, "dead", "ls", "--json")), &dead))
	require.Empty(s.t, dead, "tasks were given up")
}

// odd returns numbers of which every sixteenth or so is a prime, which takes a worker
// process some milliseconds to find out.
func odd(n int) (numbers []uint64) {
	const from = 50_000_000_000_000
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		numbers = append(numbers, from+random.Uint64N(from)|1)
	}
	return numbers
}
