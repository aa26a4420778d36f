// Bench measures Muster beside systems that do a similar job: the same work on
// each, in turn, several rounds, and prints medians with their spread and how
// many times as good Muster is.
//
//	go run . -scale small                     # a minute: everything works
//	go run . -update ../docs/performance.md -svg ../docs/performance.svg
//
// It starts what it needs (NATS, Redis, PostgreSQL, worker processes) on the
// loopback interface with temporary files, and stops it again. When it is told
// to stop (ctrl-C, SIGTERM) it prints and writes what it has, and names what is
// missing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/musterfleet/muster/bench/peer"
	"github.com/musterfleet/muster/bench/report"
	"github.com/musterfleet/muster/bench/work"
)

type options struct {
	only, peers, scale string
	rounds             int
	limit              time.Duration
	files              files
}

func main() {
	peer.Main()
	var o options
	flag.StringVar(&o.only, "only", "", "measure only these kinds of `work`, in this order, of "+strings.Join(work.Names(), ","))
	flag.StringVar(&o.peers, "peers", "", "measure only these `peers`, of "+strings.Join(peerNames(peer.All()), ","))
	flag.StringVar(&o.scale, "scale", "full", "`how much` to measure: full, or small to see that it works")
	flag.IntVar(&o.rounds, "rounds", 0, "how many times to measure everything; 0: 5, or 2 with -scale small")
	flag.DurationVar(&o.limit, "for", 0, "the most that all may take, with fewer rounds, or shorter ones, if need be; 0: no limit")
	flag.StringVar(&o.files.svg, "svg", "", "write a picture to `FILE`")
	flag.StringVar(&o.files.json, "json", "", "write every sample to `FILE`")
	flag.StringVar(&o.files.update, "update", "", "put the tables into the Markdown `FILE`, between its two bench markers")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "bench: takes flags only")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	scale, err := work.ParseScale(o.scale)
	if err != nil {
		return err
	}
	peers, err := choose("peer", peer.All(), o.peers, func(p peer.Peer) string { return p.Info().Name })
	if err != nil {
		return err
	}
	works, err := choose("kind of work", work.All(scale), o.only, func(w work.Work) string { return w.Name })
	if err != nil {
		return err
	}
	if o.limit < 0 {
		return fmt.Errorf("-for %v: the time must not be negative", o.limit)
	}
	runner := &work.Runner{Peers: peers, Rounds: o.rounds, Scale: scale, For: o.limit, Log: os.Stderr}
	if o.rounds <= 0 {
		runner.Rounds = scale.Rounds
	}
	runner.Done = func(w work.Work, so work.Results) {
		for _, line := range report.Verdicts(so, w.Name) {
			fmt.Fprintln(os.Stderr, "  "+line)
		}
		if err := o.files.write(so); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err) // and tried again at the end
		}
	}
	results, stopped := runner.Run(ctx, works)
	if err := report.Markdown(os.Stdout, results); err != nil {
		return err
	}
	if err := o.files.write(results); err != nil {
		return err
	}
	if stopped != nil {
		return fmt.Errorf("stopped early: %w", stopped)
	}
	return nil
}

// choose returns those that a flag names, in its order, or all if it names none.
func choose[T any](what string, all []T, names string, nameOf func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var chosen []T
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(one T) bool { return nameOf(one) == name })
		if i < 0 {
			return nil, fmt.Errorf("no such %s: %s", what, name)
		}
		chosen = append(chosen, all[i])
		all = slices.Delete(slices.Clone(all), i, i+1) // named twice is no such
	}
	return chosen, nil
}

func peerNames(peers []peer.Peer) []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.Info().Name)
	}
	return names
}
