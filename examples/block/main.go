// Block shows a mistake that makes a pool useless, and the mend. To ask for the
// result where the call is submitted means to wait for each call before the next
// is made, so that one process works at a time. Submit all first, ask later.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Squared is a result, and when it was worked on.
type Squared struct {
	Value      int
	Begin, End time.Time
}

// Square returns n², slowly.
var Square = codec.NewFunc[int, Squared]("square")

func square(_ context.Context, n int) (Squared, error) {
	begin := time.Now()
	time.Sleep(20 * time.Millisecond)
	return Squared{n * n, begin, time.Now()}, nil
}

func main() {
	consumer.Handle(Square, square)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	p, err := pool.Local(ctx, pool.Processes(4))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	for _, way := range []struct {
		name    string
		squares func(context.Context, *producer.Client) ([]Squared, error)
	}{
		{"mistake", mistake},
		{"fixed", fixed},
	} {
		squares, err := way.squares(ctx, p.Client())
		if err != nil {
			return err
		}
		fmt.Printf("%s: at most %d at a time:", way.name, peak(squares))
		for _, s := range squares {
			fmt.Print(" ", s.Value)
		}
		fmt.Println()
	}
	return nil
}

// mistake waits for each result in the loop that submits.
func mistake(ctx context.Context, c *producer.Client) (squares []Squared, err error) {
	for n := range 10 {
		f, err := producer.Submit(ctx, c, Square, n)
		if err != nil {
			return nil, err
		}
		s, err := f.Result(ctx) // blocks: nothing else has been submitted
		if err != nil {
			return nil, err
		}
		squares = append(squares, s)
	}
	return squares, nil
}

// fixed submits everything before it waits.
func fixed(ctx context.Context, c *producer.Client) (squares []Squared, err error) {
	var futures []*producer.Future[Squared]
	for n := range 10 {
		f, err := producer.Submit(ctx, c, Square, n)
		if err != nil {
			return nil, err
		}
		futures = append(futures, f)
	}
	for _, f := range futures {
		s, err := f.Result(ctx)
		if err != nil {
			return nil, err
		}
		squares = append(squares, s)
	}
	return squares, nil
}

// peak returns how many of the squares were worked on at the same time, at most.
func peak(squares []Squared) int {
	type change struct {
		at time.Time
		by int
	}
	var changes []change
	for _, s := range squares {
		changes = append(changes, change{s.Begin, 1}, change{s.End, -1})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), a.by-b.by) })
	running, most := 0, 0
	for _, c := range changes {
		running += c.by
		most = max(most, running)
	}
	return most
}
