package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/producer"
)

// clientFlags say where tasks go.
type clientFlags struct {
	connection
	queue string
}

func (f *clientFlags) add(cmd *cobra.Command) {
	f.connection.add(cmd)
	cmd.Flags().StringVar(&f.queue, "queue", producer.DefaultQueue, "queue that tasks go to")
}

// closeTimeout is how long a command that gives up waits for its cancelled
// tasks. Those that run already finish without it.
const closeTimeout = 500 * time.Millisecond

// watchHosts begins to tell why nothing comes back of the client's tasks of a func, if no
// worker host takes them when they have waited a while after delay.
func (f *clientFlags) watchHosts(ctx context.Context, c *producer.Client, name string, delay time.Duration, say func(string)) *hostWatch {
	w := &hostWatch{at: &f.connection, queue: f.queue, name: name, say: say, pending: c.Pending}
	return w.start(ctx, delay)
}

// with connects, and disconnects after do.
func (f *clientFlags) with(ctx context.Context, do func(*producer.Client) error) error {
	return withClient(ctx, &f.connection, do, producer.WithQueue(f.queue))
}

// withClient connects, and disconnects after do.
func withClient(ctx context.Context, at *connection, do func(*producer.Client) error, options ...producer.Option) error {
	if err := at.read(); err != nil {
		return err
	}
	options = append(options, producer.WithCredentials(at.who))
	client, err := producer.Connect(ctx, at.url, append(options, exported.options()...)...)
	if err != nil {
		return because(ctx, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = client.Close(ctx) // what is pending now was given up
	}()
	return do(client)
}
