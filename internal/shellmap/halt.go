package shellmap

import (
	"fmt"
	"strconv"
	"strings"
)

// Halt says what failures end a run. The zero value is the first, at once. It is
// a flag's value.
type Halt struct {
	Never    bool
	Failures int  // how many end the run; 0 is 1
	Soon     bool // no more is read, but what is under way is waited for
}

// String returns what Set reads.
func (h *Halt) String() string {
	switch {
	case h.Never:
		return "never"
	case h.Soon:
		return fmt.Sprintf("soon,fail=%d", max(h.Failures, 1))
	}
	return strconv.Itoa(max(h.Failures, 1))
}

// Type names the value in a command's help.
func (h *Halt) Type() string { return "WHEN" }

// Set reads never, N, now,fail=N or soon,fail=N, the latter two as in GNU
// parallel. Its error is ErrHalt.
func (h *Halt) Set(text string) error {
	if text == "never" {
		*h = Halt{Never: true}
		return nil
	}
	number, soon := strings.CutPrefix(text, "soon,fail=")
	if !soon {
		number = strings.TrimPrefix(text, "now,fail=")
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return ErrHalt
	}
	*h = Halt{Failures: n, Soon: soon}
	return nil
}

// reached reports whether so many failures are enough.
func (h *Halt) reached(failures int) bool { return !h.Never && failures >= max(h.Failures, 1) }
