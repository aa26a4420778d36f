// Package codec is what crosses the wire between Muster's clients and workers:
// funcs, tasks, batches of tasks, outcomes, errors, receipts, notices, requests to
// cancel and dead letters, in MessagePack.
//
// The format is version 1 and written down in docs/protocol.md. Envelopes are
// encoded and read by hand, without reflection and, on the way of ordinary
// tasks, without allocation; arguments and results go through the ordinary
// encoder of github.com/vmihailenco/msgpack/v5.
//
// Everything that is read here may come from a stranger. Whatever the bytes,
// reading them gives a value or an error that wraps [ErrMalformed],
// [ErrVersion] or [ErrDecode]; it never panics and never allocates more than a
// small multiple of the input's own length, or for a [Value] of large elements,
// a small multiple of as many of them as the input has bytes.
//
// The package imports nothing of the project and holds no state but caches.
package codec
