package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

// text returns an argument as text: a string and bytes as they are, any other
// value as JSON. An error wraps ErrArgument.
func text(arg value) (string, error) {
	var s string
	var bytes []byte
	var err error
	switch {
	case len(arg) > 0 && msgpcode.IsString(arg[0]):
		s, err = codec.Value[string](arg)
	case len(arg) > 0 && msgpcode.IsBin(arg[0]):
		bytes, err = codec.Value[[]byte](arg)
	default:
		bytes, err = jsonvalue.Append(nil, arg)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrArgument, err)
	}
	return s + string(bytes), nil
}

func isNull(arg value) bool { return len(arg) == 0 || arg[0] == msgpcode.Nil }

// fill returns the words of the command with the argument in them: where the
// placeholder stands, or else as the last word, unless the command reads it or
// there is none. It never becomes more than one word. An error wraps ErrArgument.
func (c *Command) fill(arg value, text string) ([]string, error) {
	words := slices.Clone(c.Words)
	placed := false
	for i, word := range words {
		if strings.Contains(word, placeholder) {
			words[i] = strings.ReplaceAll(word, placeholder, text)
			placed = true
		}
	}
	if !placed && !c.Stdin && !isNull(arg) {
		words = append(words, text)
		placed = true
	}
	if placed && strings.Contains(text, "\x00") {
		return nil, fmt.Errorf("%w: it holds a NUL byte, which no word of a command can; the option stdin passes any", ErrArgument)
	}
	return words, nil
}
