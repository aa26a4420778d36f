package command

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

// Command says how a func is run by a command. It is made by [Parse] or
// [ParseServer].
type Command struct {
	Name  string   // of the func
	Path  string   // of the program
	Words []string // the program as it was called, and its arguments

	Server  bool // it goes on running, and is passed one task after the other
	Stdin   bool // it reads the argument from its stdin
	Result  form // what its stdout is
	Msgpack bool // a server speaks MessagePack, not JSON
}

// form is what a command's stdout is.
type form string

const (
	asText  form = "text"  // a string, less a newline at its end
	asJSON  form = "json"  // a JSON value
	asBytes form = "bytes" // binary
)

// placeholder stands in a command for its argument.
const placeholder = "{}"

// value is an argument or a result as encoded, since any may come.
type value = msgpack.RawMessage

func (c *Command) remote() codec.Func[value, value] {
	return codec.NewFunc[value, value](c.Name, ListExitError())
}

// Parse reads NAME[,OPTION...]=COMMAND, the definition of a func that runs a
// command for each task. The options are stdin, and one of text, json and bytes.
// The program is looked up now, and later not again. The error wraps
// [ErrDefinition], or [codec.ErrName].
func Parse(definition string) (Command, error) {
	c := Command{Result: asText}
	err := c.parse(definition, func(option string) bool {
		switch option {
		case "stdin":
			c.Stdin = true
		case string(asText), string(asJSON), string(asBytes):
			c.Result = form(option)
		default:
			return false
		}
		return true
	}, "stdin, text, json and bytes")
	return c, err
}

// ParseServer reads NAME[,OPTION]=COMMAND, the definition of a func whose tasks
// a command is passed that goes on running. The options are json and msgpack. It
// is otherwise as [Parse].
func ParseServer(definition string) (Command, error) {
	c := Command{Server: true}
	err := c.parse(definition, func(option string) bool {
		c.Msgpack = option == "msgpack"
		return c.Msgpack || option == "json"
	}, "json and msgpack")
	return c, err
}

func (c *Command) parse(definition string, set func(option string) bool, known string) error {
	head, line, ok := strings.Cut(definition, "=")
	if !ok {
		return fmt.Errorf("%w: %.140q; write NAME='COMMAND ARGUMENT...'", ErrDefinition, definition)
	}
	options := strings.Split(head, ",")
	c.Name = options[0]
	if err := c.remote().Check(); err != nil {
		return err
	}
	for _, option := range options[1:] {
		if !set(option) {
			return fmt.Errorf("%w: %s: unknown option %.40q; there are %s", ErrDefinition, c.Name, option, known)
		}
	}
	words, err := split(line)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s: %w", ErrDefinition, c.Name, err)
	case len(words) == 0:
		return fmt.Errorf("%w: %s: the command is empty", ErrDefinition, c.Name)
	case strings.Contains(words[0], placeholder):
		return fmt.Errorf("%w: %s: the program cannot be the argument's choice: %q", ErrDefinition, c.Name, words[0])
	case strings.Contains(line, "\x00"):
		return fmt.Errorf("%w: %s: a word cannot hold a NUL byte", ErrDefinition, c.Name)
	}
	c.Words = words
	if c.Path, err = exec.LookPath(words[0]); err == nil {
		c.Path, err = filepath.Abs(c.Path)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDefinition, c.Name, err)
	}
	return nil
}
