package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/producer"
)

// clientFlags say where tasks go.
type clientFlags struct{ url, queue string }

func (f *clientFlags) add(cmd *cobra.Command) {
	addURL(cmd, &f.url)
	cmd.Flags().StringVar(&f.queue, "queue", producer.DefaultQueue, "queue that tasks go to")
}

func addURL(cmd *cobra.Command, url *string) {
	cmd.Flags().StringVar(url, "url", "",
		"broker; else MUSTER_URL, NATS_URL, the selected NATS context, or nats://127.0.0.1:4222")
}

// closePatience is how long a command that gives up waits for its cancelled
// tasks. Those that run already finish without it.
const closePatience = 500 * time.Millisecond

// with connects, and disconnects after do.
func (f *clientFlags) with(ctx context.Context, do func(*producer.Client) error) error {
	return withClient(ctx, f.url, do, producer.WithQueue(f.queue))
}

// withClient connects, and disconnects after do.
func withClient(ctx context.Context, url string, do func(*producer.Client) error, options ...producer.Option) error {
	client, err := producer.Connect(ctx, url, append(options, exported.options()...)...)
	if err != nil {
		return because(ctx, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		_ = client.Close(ctx) // what is pending now was given up
	}()
	return do(client)
}
