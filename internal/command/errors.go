package command

import "errors"

var (
	// ErrDefinition is wrapped when a definition of a command cannot be used.
	ErrDefinition = errors.New("command: invalid definition")
	// ErrArgument is wrapped when an argument cannot be passed to the command.
	ErrArgument = errors.New("command: argument cannot be passed")
	// ErrOutput is wrapped when a command's output is not what it should be.
	ErrOutput = errors.New("command: output cannot be taken")
	// ErrServer is wrapped when the server of a func does not become ready.
	ErrServer = errors.New("command: server is not ready")
)
