package proc

import "os"

// Stream is one of a process's two output streams.
type Stream int

// The streams of a process.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// String returns "stdout" or "stderr".
func (s Stream) String() string {
	if s == Stdout {
		return "stdout"
	}
	return "stderr"
}

// MaxLine is the longest line, in bytes, that Output is given in one piece.
const MaxLine = 64 << 10

// Spec says what process to start. Its standard input is empty.
type Spec struct {
	Path string   // the executable
	Args []string // Args[0] is the name the process shows
	Env  []string // the complete environment
	Dir  string   // working directory; that of this program if empty
	// Files become descriptors 4, 5, … of the process; see InheritedFile.
	Files []*os.File
	// Started is called with the process's id before Output is. It may be nil.
	Started func(pid int)
	// Output is given every line of both streams without its newline. It is
	// never called concurrently for one process, must not keep line, and
	// holds the process up while it does not return. It may be nil.
	Output func(stream Stream, line []byte)
	// Guard, which may be nil, kills the process's group when the supervisor
	// dies.
	Guard *Guard
}
