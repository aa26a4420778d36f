package builtin

import (
	"context"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/musterfleet/muster/codec"
)

// Echo gives back its argument, whatever it is. It takes the value as encoded,
// so that nothing of it changes on the way: not the order of a map's keys, nor
// the type of a number.
var Echo = codec.NewFunc[msgpack.RawMessage, msgpack.RawMessage]("echo")

func echo(_ context.Context, v msgpack.RawMessage) (msgpack.RawMessage, error) {
	if len(v) == 0 { // how a nil decodes
		v = msgpack.RawMessage{msgpcode.Nil}
	}
	return v, nil
}
