package matrix

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// call is a task as its caller sees it.
type call struct {
	future *producer.Future[seen] // nil for a task of a chunk
	done   chan struct{}          // of a chunk's: closed when there is the rest
	answer producer.Indexed[seen]
	err    error
}

// id is known once the task has its outcome.
func (c *call) id() codec.ID {
	if c.future != nil {
		return c.future.ID()
	}
	return c.answer.ID
}

func (c *call) result(ctx context.Context) (seen, error) {
	if c.future != nil {
		return c.future.Result(ctx)
	}
	select {
	case <-c.done:
		return c.answer.Value, c.err
	case <-ctx.Done():
		return seen{}, fmt.Errorf("a task of a chunk has no outcome: %w", ctx.Err())
	}
}

func (a *act) submit(name string, options ...producer.CallOption) *call {
	a.t.Helper()
	f, err := producer.Submit(a.ctx, a.client, work, name, options...)
	require.NoError(a.t, err)
	return &call{future: f}
}

// submitChunk submits a blocker and the task behind it, in one chunk.
func (a *act) submitChunk(options ...producer.CallOption) (blocker, task *call) {
	all := []*call{{done: make(chan struct{})}, {done: make(chan struct{})}}
	options = append(options, producer.Chunk(len(all)))
	go func() {
		args := slices.Values([]string{"the blocker", "the task"})
		for answer, err := range producer.MapUnordered(a.ctx, a.client, work, args, options...) {
			if answer.Index < 0 {
				return // the case is over
			}
			c := all[answer.Index]
			c.answer, c.err = answer, err
			close(c.done) // once, else this panics
		}
	}()
	return all[0], all[1]
}

// requireFate fails unless a task meets a fate.
func (a *act) requireFate(c *call, want fate) {
	a.t.Helper()
	result, err := c.result(a.ctx)
	switch want {
	case isAnswered:
		require.NoError(a.t, err)
		require.Equal(a.t, seen{PID: a.victim.PID, Attempt: 1}, result)
	case runsAgain:
		require.NoError(a.t, err)
		require.NotEqual(a.t, a.victim.PID, result.PID)
		require.Equal(a.t, 1, result.Attempt, "the task was charged")
	case fails:
		var died *codec.WorkerDiedError
		require.ErrorAs(a.t, err, &died)
		require.Contains(a.t, died.Stderr, a.cause.Stderr)
		want := a.cause
		require.NotEmpty(a.t, died.Cause)
		want.Task, want.Host, want.PID, want.Attempt = c.id(), "host", a.victim.PID, 1
		want.Stderr, want.Cause = died.Stderr, died.Cause
		require.Equal(a.t, &want, died)
	case isStopped:
		require.ErrorIs(a.t, err, codec.ErrTimeLimit)
	}
}
