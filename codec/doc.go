// Package codec is what crosses the wire between Muster's clients and workers:
// funcs, tasks, batches of tasks, outcomes, errors, receipts, notices, requests to
// cancel and dead letters, in MessagePack.
//
// The format is version 1 and written down in docs/protocol.md. Envelopes are
// encoded and read by hand, without reflection and, on the way of ordinary
// tasks, without allocation. Arguments and results are written as
// github.com/vmihailenco/msgpack/v5 writes them, by the same struct tags, and it
// calls the methods by which types encode themselves.
//
// # What crosses
//
// A value that is accepted arrives equal, or is refused: by its type, when it is
// encoded, or, if the other side has another type, when it is decoded. A number arrives
// in any type that holds it exactly. Nil and empty slices, maps and embedded pointers
// stay apart. These conversions are deliberate:
//
//   - Only exported fields cross, and none with the tag "-". A field that the other
//     side does not have is passed over, and one that is missing is zero.
//   - A time arrives as the same instant, in the local zone, without its monotonic
//     part. An error arrives as an error with the same text.
//   - What an interface holds arrives as one of the types that [Value] names: an int as
//     int64, a struct as a map, bytes as a string.
//   - A type with methods of its own, such as MarshalText and UnmarshalText, arrives
//     as these decode what they have encoded. If it has a method Equal or Cmp, that has to
//     agree. Methods that encode without their counterpart that decodes, or the
//     reverse, are used only where the value arrives deeply equal; but EncodeMsgpack or
//     MarshalMsgpack alone is taken at its word, and what it writes is what arrives.
//
// Everything that is read here may come from a stranger. Whatever the bytes,
// reading them gives a value or an error that wraps [ErrMalformed],
// [ErrVersion] or [ErrDecode]; it never panics and never allocates more than a
// small multiple of the input's own length, or for a [Value] of large elements,
// a small multiple of as many of them as the input has bytes.
//
// The package imports nothing of the project and holds no state but caches.
package codec
