// Pids shows which process runs what: ten tasks on four worker processes, each
// free process taking the next task. What a handler prints goes to the program's
// own output, line by line.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Work tells who does it.
var Work = codec.NewFunc[int, int]("work")

func work(_ context.Context, task int) (int, error) {
	time.Sleep(50 * time.Millisecond)
	fmt.Printf("I am process %d working on task %d\n", os.Getpid(), task)
	return os.Getpid(), nil
}

func main() {
	consumer.Handle(Work, work)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	p, err := pool.Local(ctx, pool.Processes(4))
	if err != nil {
		return err
	}
	start := time.Now()
	var futures []*producer.Future[int]
	for task := range 10 {
		f, err := producer.Submit(ctx, p.Client(), Work, task)
		if err != nil {
			return err
		}
		futures = append(futures, f)
	}
	if _, _, err := producer.Wait(ctx, producer.AllCompleted, futures...); err != nil {
		return err
	}
	elapsed := time.Since(start)

	tasks := map[int]int{} // by process
	for _, f := range futures {
		pid, err := f.Result(ctx)
		if err != nil {
			return err
		}
		tasks[pid]++
	}
	// After Close, all that the worker processes printed has been passed on.
	if err := p.Close(ctx); err != nil {
		return err
	}
	fmt.Printf("The main process %d is done after %v; %d processes did the work\n",
		os.Getpid(), elapsed.Round(time.Millisecond), len(tasks))
	return nil
}
