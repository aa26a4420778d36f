// Chunks shows two ways to send many small items in few messages: cut the data
// by hand and write a func that takes a chunk, or leave the func as it is and
// give Map a chunk size. The results are the same.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// The same work, for a chunk of items and for one.
var (
	ProcessData = codec.NewFunc[[]int, []int]("process_data")
	Double      = codec.NewFunc[int, int]("double")
)

func processData(ctx context.Context, chunk []int) ([]int, error) {
	doubled := make([]int, len(chunk))
	for i, n := range chunk {
		var err error
		if doubled[i], err = double(ctx, n); err != nil {
			return nil, err
		}
	}
	return doubled, nil
}

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

func main() {
	consumer.Handle(ProcessData, processData)
	consumer.Handle(Double, double)
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

	data := make([]int, 100)
	for i := range data {
		data[i] = i
	}

	// By hand: ten tasks of ten items each. One failing item fails its chunk.
	var byHand []int
	for chunk, err := range producer.Map(ctx, p.Client(), ProcessData, slices.Chunk(data, 10)) {
		if err != nil {
			return err
		}
		byHand = append(byHand, chunk...)
	}

	// By option: a hundred tasks in ten messages. Each item has its own outcome.
	var byOption []int
	for n, err := range producer.Map(ctx, p.Client(), Double, slices.Values(data), producer.Chunk(10)) {
		if err != nil {
			return err
		}
		byOption = append(byOption, n)
	}

	fmt.Println("by hand:  ", len(byHand), "items, the last", byHand[len(byHand)-1])
	fmt.Println("by option:", len(byOption), "items, the last", byOption[len(byOption)-1])
	fmt.Println("equal:", slices.Equal(byHand, byOption))
	return nil
}
