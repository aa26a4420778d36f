package codec

import (
	"strings"
	"unicode/utf8"
)

// Failure is the wire form of a task's failure. Everything in it is plain text
// and numbers, so that any client can read it whatever types the handler knows.
type Failure struct {
	Code     Code
	Type     string // Go type of the error or of the panic's value
	Message  string
	Stack    string
	Host     string
	PID      int
	Attempt  int
	ExitCode int    // of a worker process that died; -1 if by a signal
	Signal   string // that ended the worker process
	Stderr   string // end of the worker process's stderr
}

// Bounds on the text in a failure, in bytes; what is longer is cut.
const (
	maxMessage = 16 << 10
	maxStack   = 32 << 10
	maxStderr  = 8 << 10
	maxLabel   = 256
)

// Err gives the failure as the error that the task's caller sees: a
// [*WorkerDiedError] or a [*RemoteError].
func (f *Failure) Err(task ID) error {
	if f.Code == CodeWorkerDied {
		return &WorkerDiedError{
			Task: task, Host: f.Host, PID: f.PID, ExitCode: f.ExitCode, Signal: f.Signal,
			Stderr: f.Stderr, Attempt: f.Attempt,
		}
	}
	return &RemoteError{
		Task: task, Code: f.Code, Type: f.Type, Message: f.Message, Stack: f.Stack,
		Host: f.Host, PID: f.PID, Attempt: f.Attempt,
	}
}

func (f *Failure) append(dst []byte) []byte {
	texts := [...]struct{ key, value string }{
		{"code", cut(string(f.Code), maxLabel)},
		{"type", cut(f.Type, maxLabel)},
		{"message", cut(f.Message, maxMessage)},
		{"stack", cut(f.Stack, maxStack)},
		{"host", cut(f.Host, maxLabel)},
		{"signal", cut(f.Signal, maxLabel)},
		{"stderr", cutFront(f.Stderr, maxStderr)},
	}
	numbers := [...]struct {
		key   string
		value int
	}{{"pid", f.PID}, {"attempt", f.Attempt}, {"exit_code", f.ExitCode}}

	pairs := 0
	for _, t := range texts {
		if t.value != "" {
			pairs++
		}
	}
	for _, n := range numbers {
		if n.value != 0 {
			pairs++
		}
	}
	dst = appendMapLen(dst, pairs)
	for _, t := range texts {
		if t.value != "" {
			dst = appendString(appendString(dst, t.key), t.value)
		}
	}
	for _, n := range numbers {
		if n.value != 0 {
			dst = appendInt(appendString(dst, n.key), int64(n.value))
		}
	}
	return dst
}

// cut gives the beginning of s, at most most bytes of valid UTF-8.
func cut(s string, most int) string {
	// Shortened before it is mended, so that the cost is bounded, and after it,
	// since mending lengthens.
	s = strings.ToValidUTF8(s[:min(len(s), most+utf8.UTFMax)], "\uFFFD")
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// cutFront gives the end of s, at most most bytes of valid UTF-8.
func cutFront(s string, most int) string {
	s = strings.ToValidUTF8(s[max(0, len(s)-most-utf8.UTFMax):], "\uFFFD")
	if len(s) <= most {
		return s
	}
	s = s[len(s)-most:]
	for !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}

func readFailure(data []byte) *Failure {
	r := reader{data: data}
	f := &Failure{Code: CodeError}
	for pairs := r.mapLen(); pairs > 0 && r.err == nil; pairs-- {
		switch string(r.str()) {
		case "code":
			f.Code = Code(r.text(maxLabel))
		case "type":
			f.Type = r.text(maxLabel)
		case "message":
			f.Message = r.text(maxMessage)
		case "stack":
			f.Stack = r.text(maxStack)
		case "host":
			f.Host = r.text(maxLabel)
		case "signal":
			f.Signal = r.text(maxLabel)
		case "stderr":
			f.Stderr = r.text(maxStderr)
		case "pid":
			f.PID = int(r.signed(32))
		case "attempt":
			f.Attempt = int(r.signed(32))
		case "exit_code":
			f.ExitCode = int(r.signed(32))
		default:
			r.skip()
		}
	}
	if err := r.close(0); err != nil {
		return &Failure{Code: CodeError, Message: "the task failed with an error that does not read: " + err.Error()}
	}
	return f
}
