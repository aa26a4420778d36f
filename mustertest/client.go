// Package mustertest is for the unit tests of programs that submit tasks: a
// client whose tasks run in the test's own process, with no broker and no worker
// processes.
//
//	func TestTotal(t *testing.T) {
//		client := mustertest.NewClient(t)
//		f, err := producer.Submit(t.Context(), client, Total, []int{1, 2})
//		...
//	}
//
// The handlers are those registered with consumer.Handle, in an init function or
// in TestMain. Arguments, results and errors are encoded and decoded as on their
// way to a worker process and back, so what cannot cross fails here too, and
// nothing is shared. What a process is there for is missing: a handler that
// ignores its context cannot be stopped, os.Exit ends the test, and handlers see
// each other's global state. A task with an error budget is tried again at once,
// without its backoff; an outcome is kept for as long as its client lives, and no
// other client can ask for it; there are no cron schedules.
package mustertest

import (
	"context"
	"testing"
	"time"

	"github.com/musterfleet/muster/producer"
)

// closeTimeout bounds how long the end of a test waits for its handlers.
const closeTimeout = 10 * time.Second

// NewClient returns a client whose tasks run in this process, in the order of
// their submission, [Concurrency] of them at a time. A future is running as soon
// as its handler is.
//
// At the end of the test the client is closed: what has not started is
// cancelled, the contexts of handlers that run end, and a handler that runs on
// for 10 seconds fails the test. A test that wants its tasks done closes the
// client itself.
func NewClient(t testing.TB, options ...producer.Option) *producer.Client {
	t.Helper()
	inline := newInline()
	client, err := producer.New(context.Background(), inline, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if _, err := client.CancelPending(ctx); err != nil {
			t.Errorf("mustertest: %v", err)
		}
		inline.end()
		if err := client.Close(ctx); err != nil {
			t.Errorf("mustertest: a handler or a done callback does not end: %v", err)
		} else if !inline.ended(ctx) {
			t.Errorf("mustertest: a handler runs on %v after its context has ended", closeTimeout)
		}
	})
	return client
}
