// Bench measures Muster beside systems that do a similar job: the same work on
// each, in turn, several rounds, and prints medians with their spread and how
// many times as good Muster is.
//
//	go run . -scale small                     # a minute: everything works
//	go run . -update ../docs/performance.md -svg ../docs/performance.svg
//
// It starts what it needs (NATS, Redis, PostgreSQL, worker processes) on the
// loopback interface with temporary files, and stops it again, also at ctrl-C.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/musterfleet/muster/bench/peer"
	"github.com/musterfleet/muster/bench/report"
	"github.com/musterfleet/muster/bench/work"
)

type options struct {
	only, peers, scale, svg, json, update string
	rounds                                int
}

func main() {
	peer.Main()
	var o options
	flag.StringVar(&o.only, "only", "", "measure only these kinds of `work`, of "+strings.Join(work.Names(), ","))
	flag.StringVar(&o.peers, "peers", "", "measure only these `peers`, of "+strings.Join(peerNames(peer.All()), ","))
	flag.StringVar(&o.scale, "scale", "full", "`how much` to measure: full, or small to see that it works")
	flag.IntVar(&o.rounds, "rounds", 0, "how many times to measure everything; 0: 5, or 2 with -scale small")
	flag.StringVar(&o.svg, "svg", "", "write a picture to `FILE`")
	flag.StringVar(&o.json, "json", "", "write every sample to `FILE`")
	flag.StringVar(&o.update, "update", "", "put the tables into the Markdown `FILE`, between its two bench markers")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "bench: takes flags only")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
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
	runner := &work.Runner{Peers: peers, Rounds: o.rounds, Scale: scale, Log: os.Stderr}
	if o.rounds <= 0 {
		runner.Rounds = scale.Rounds
	}
	results, err := runner.Run(ctx, works)
	if err != nil {
		return fmt.Errorf("stopped early, nothing is written: %w", err)
	}
	return write(results, o)
}

// write prints the tables, and writes what was asked for.
func write(r work.Results, o options) error {
	if err := report.Markdown(os.Stdout, r); err != nil {
		return err
	}
	if o.update != "" {
		if err := report.Update(o.update, r); err != nil {
			return err
		}
	}
	if o.json != "" {
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, text, 0o644); err != nil {
			return err
		}
	}
	if o.svg == "" {
		return nil
	}
	file, err := os.Create(o.svg)
	if err != nil {
		return err
	}
	if err := report.SVG(file, r); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// choose gives those that a flag names, all if it names none.
func choose[T any](what string, all []T, names string, nameOf func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	var chosen []T
	wanted := strings.Split(names, ",")
	for _, one := range all {
		if i := slices.Index(wanted, nameOf(one)); i >= 0 {
			chosen = append(chosen, one)
			wanted = slices.Delete(wanted, i, i+1)
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("no such %s: %s", what, strings.Join(wanted, ", "))
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
