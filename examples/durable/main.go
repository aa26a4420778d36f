// Durable submits calls from a process that is killed before it has a result. The
// broker keeps the outcomes of durable futures, so this process, which knows the
// ids of the tasks, attaches to them and gets the results.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Square takes its time.
var Square = codec.NewFunc[int, int]("square")

func square(_ context.Context, n int) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return n * n, nil
}

const calls = 5

func main() {
	consumer.Handle(Square, square)
	pool.Main()
	run := runPool
	if os.Getenv("DURABLE_URL") != "" {
		run = runDoomedClient
	}
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func runPool(ctx context.Context) (err error) {
	p, err := pool.Local(ctx, pool.Processes(2))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()
	ids, err := killClient(p.URL())
	if err != nil {
		return err
	}
	for _, id := range ids {
		f, err := producer.Attach(ctx, p.Client(), Square, id)
		if err != nil {
			return err
		}
		n, err := f.Result(ctx)
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}

// killClient starts this program as a client of its own, reads the ids of the
// tasks it submits, and kills it.
func killClient(url string) (ids []codec.ID, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	client := exec.Command(self)
	client.Env = append(os.Environ(), "DURABLE_URL="+url)
	client.Stderr = os.Stderr
	if _, err := client.StdinPipe(); err != nil { // ends with this program
		return nil, err
	}
	stdout, err := client.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := client.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(stdout); len(ids) < calls && lines.Scan(); {
		id, err := codec.ParseID(lines.Text())
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if err := client.Process.Kill(); err != nil {
		return nil, err
	}
	fmt.Println("the client has ended:", client.Wait())
	return ids, nil
}

func runDoomedClient(ctx context.Context) error {
	client, err := producer.Connect(ctx, os.Getenv("DURABLE_URL"))
	if err != nil {
		return err
	}
	var ids []codec.ID
	for i := range calls {
		f, err := producer.Submit(ctx, client, Square, i, producer.Retain(time.Hour))
		if err != nil {
			return err
		}
		ids = append(ids, f.ID())
	}
	if err := client.Flush(ctx); err != nil { // from here on the tasks survive us
		return err
	}
	for _, id := range ids {
		fmt.Println(id)
	}
	_, err = io.Copy(io.Discard, os.Stdin) // until we are killed
	return err
}
