package main

import (
	"errors"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/internal/jsonvalue"
	"github.com/musterfleet/muster/producer"
)

// item is an argument as the user wrote it. It becomes MessagePack where the
// client encodes it.
type item struct {
	text []byte
	raw  bool  // a string, whatever it looks like
	err  error // why it could not be read

	refused *bool // set if it cannot be encoded; or nil
}

// itemError says what is wrong with an item. It is all that the user needs to
// see of the client's error.
type itemError struct{ text string }

func (e *itemError) Error() string { return e.text }

// plain leaves out of an error what only a programmer can use.
func plain(err error) error {
	if bad, ok := errors.AsType[*itemError](err); ok {
		return bad
	}
	if errors.Is(err, producer.ErrOption) {
		return usage("%s", optionText(err))
	}
	return err
}

func isItemError(err error) bool {
	_, ok := errors.AsType[*itemError](err)
	return ok
}

// EncodeMsgpack encodes JSON as what it means, and anything else as a string.
func (i item) EncodeMsgpack(e *msgpack.Encoder) error {
	err := i.encode(e)
	if err != nil && i.refused != nil {
		*i.refused = true
	}
	return err
}

func (i item) encode(e *msgpack.Encoder) error {
	switch {
	case i.err != nil:
		return i.err
	case i.raw || !jsonvalue.Valid(i.text):
		return e.EncodeString(string(i.text))
	}
	if err := jsonvalue.Encode(e, i.text); err != nil {
		return &itemError{err.Error()}
	}
	return nil
}
