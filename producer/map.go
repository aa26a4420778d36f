package producer

import (
	"context"
	"iter"
	"time"

	"github.com/musterfleet/muster/codec"
)

// DefaultBuffer is how many arguments Map reads ahead of the result that it
// yields next: as much as short tasks need, for messages to be full and worker
// processes busy.
const DefaultBuffer = 16384

// Map calls f with each argument and yields the results in the order of the
// arguments, each with its error: a call that fails yields its error and the
// iteration goes on. [Collect] makes a slice of it that ends at the first error,
// and [Zip] arguments of several sequences. It mirrors Executor.map, but reads
// only so many arguments ahead as [Buffer] says, so args may be endless, and
// reports errors one by one.
//
// Nothing is read or submitted before the iteration starts. Then args is
// iterated on a goroutine of its own; should it panic, so does Map, after the
// results of the arguments before. Options are those of [Submit]; an argument
// that cannot be sent yields the error of Submit in its place. When the client
// is closed meanwhile, Map yields what it has submitted and then [ErrClosed].
//
// The end of ctx limits the whole iteration: when it comes, Map yields the
// results that are there, then once ctx.Err, wrapped, and ends. Then, and when
// the loop is left early, the calls that have not started are cancelled, and
// args is not read any further; a read under way is waited for, but not for long.
func Map[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options ...CallOption) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		run(ctx, c, f, args, options, true, func(_ *mapped[R], result R, err error) bool { return yield(result, err) })
	}
}

// Indexed is the result of a call of [MapIndexed] or [MapUnordered], and what is
// known of its task.
type Indexed[R any] struct {
	Index int // of the argument, from 0; -1 with an error that ends the iteration
	Value R
	ID    codec.ID      // of the task; the zero value if there was none, since the argument could not be sent
	Run   time.Duration // how long the last attempt ran; 0 if that is not known
}

// MapIndexed is [Map], but tells of each result which task it is of.
func MapIndexed[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options ...CallOption) iter.Seq2[Indexed[R], error] {
	return mapIndexed(ctx, c, f, args, options, true)
}

// MapUnordered is [MapIndexed], but yields each result when it is there. It mirrors
// Pool.imap_unordered.
func MapUnordered[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options ...CallOption) iter.Seq2[Indexed[R], error] {
	return mapIndexed(ctx, c, f, args, options, false)
}

func mapIndexed[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options []CallOption, ordered bool) iter.Seq2[Indexed[R], error] {
	return func(yield func(Indexed[R], error) bool) {
		run(ctx, c, f, args, options, ordered, func(call *mapped[R], result R, err error) bool {
			return yield(call.indexed(result), err)
		})
	}
}

// Collect returns the results of a [Map] or one like it as a slice. It ends
// the iteration at the first error, which cancels the rest, and returns that error
// with the results before it.
func Collect[T any](results iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for result, err := range results {
		if err != nil {
			return all, err
		}
		all = append(all, result)
	}
	return all, nil
}

// Zip returns a sequence that takes one value from each of two and joins them,
// such as into the struct that a func takes, and ends with the shorter. With it
// [Map] mirrors Executor.map over several iterables:
//
//	args := producer.Zip(xs, ys, func(x, y int) Pair { return Pair{x, y} })
func Zip[A, B, T any](as iter.Seq[A], bs iter.Seq[B], join func(A, B) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		next, stop := iter.Pull(bs)
		defer stop()
		for a := range as {
			b, ok := next()
			if !ok || !yield(join(a, b)) {
				return
			}
		}
	}
}

// Zip3 is [Zip] for three sequences.
func Zip3[A, B, C, T any](as iter.Seq[A], bs iter.Seq[B], cs iter.Seq[C], join func(A, B, C) T) iter.Seq[T] {
	type pair struct {
		a A
		b B
	}
	pairs := Zip(as, bs, func(a A, b B) pair { return pair{a, b} })
	return Zip(pairs, cs, func(p pair, c C) T { return join(p.a, p.b, c) })
}
