package conformance

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// job says what a call of perform does, in this order.
type job struct {
	Mark  string        // file to make
	Gate  string        // file to wait for
	Takes time.Duration // how long to work
	Fail  string        // message of the error to fail with
	Value int           // to return
}

// fault is the error that perform fails with.
type fault struct{ Text string }

func (f *fault) Error() string { return f.Text }

// pair is an argument list of two numbers.
type pair struct{ X, Y uint64 }

var (
	perform = codec.NewFunc[job, int]("fwm/perform")
	raising = codec.NewFunc[pair, uint64]("fwm/raise")
	// declare returns an error as its value.
	declare = codec.NewFunc[string, *fault]("fwm/declare")
)

func init() {
	consumer.Handle(perform, func(ctx context.Context, j job) (int, error) {
		if j.Mark != "" {
			if err := os.WriteFile(j.Mark, nil, 0o600); err != nil {
				return 0, err
			}
		}
		if err := awaitFile(ctx, j.Gate); err != nil {
			return 0, err
		}
		if j.Takes > 0 {
			select {
			case <-time.After(j.Takes):
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		if j.Fail != "" {
			return 0, &fault{j.Fail}
		}
		return j.Value, nil
	})
	consumer.Handle(raising, func(_ context.Context, p pair) (uint64, error) { return raise(p), nil })
	consumer.Handle(declare, func(_ context.Context, text string) (*fault, error) { return &fault{text}, nil })
}

// raise returns X to the power of Y, modulo 2^64.
func raise(p pair) uint64 {
	product := uint64(1)
	for range p.Y {
		product *= p.X
	}
	return product
}

// awaitFile waits until a file is there, if one is named, or its directory is not
// any more, with the test, or ctx ends.
func awaitFile(ctx context.Context, name string) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for name != "" && !exists(name) && exists(filepath.Dir(name)) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
