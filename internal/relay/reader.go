package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// maxLine bounds a line of the protocol, in bytes. The longest is what a client says of
// itself when it connects.
const maxLine = 16 << 10

// verb is what a command asks for.
type verb byte

const (
	verbNothing verb = iota // it needs no answer
	verbPublish
	verbSubscribe
	verbUnsubscribe
	verbPing
)

// command is what a client of a NATS server says. See
// https://docs.nats.io/reference/reference-protocols/nats-protocol.
type command struct {
	verb    verb
	subject string
	reply   string
	queue   string
	sid     string // of a subscription
	max     int    // messages after which it ends; 0 for at once
	header  nats.Header
	data    []byte
}

// reader reads commands.
type reader struct {
	*bufio.Reader
	maxPayload int64
}

func newReader(from io.Reader, maxPayload int64) *reader {
	return &reader{bufio.NewReaderSize(from, maxLine), maxPayload}
}

// next reads a command. Its error is a *refusedError if the client does not keep to the
// protocol.
func (r *reader) next() (command, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return command{}, &refusedError{"maximum control line exceeded"}
	}
	if err != nil {
		return command{}, fmt.Errorf("relay: reading: %w", err)
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return command{}, errUnknown
	}
	switch name, args := strings.ToUpper(words[0]), words[1:]; name {
	case "CONNECT", "PONG":
		return command{}, nil
	case "PING":
		return command{verb: verbPing}, nil
	case "PUB":
		return r.publication(args, false)
	case "HPUB":
		return r.publication(args, true)
	case "SUB":
		return subscription(args)
	case "UNSUB":
		return unsubscription(args)
	}
	return command{}, errUnknown
}

var errUnknown = &refusedError{"Unknown Protocol Operation"}

// publication reads the rest of a message: subject, reply subject if there is one, the
// length of the header if there is one, the length of everything, and that.
func (r *reader) publication(args []string, withHeader bool) (command, error) {
	fixed := 2
	if withHeader {
		fixed = 3
	}
	cmd := command{verb: verbPublish}
	switch len(args) {
	case fixed:
	case fixed + 1:
		cmd.reply = args[1]
	default:
		return command{}, errUnknown
	}
	cmd.subject = args[0]
	size, err := length(args[len(args)-1])
	header := 0
	if err == nil && withHeader {
		header, err = length(args[len(args)-2])
	}
	if err != nil || header > size {
		return command{}, errUnknown
	}
	if int64(size) > r.maxPayload {
		return command{}, &refusedError{"Maximum Payload Violation"}
	}
	data := make([]byte, size+len("\r\n"))
	if _, err := io.ReadFull(r, data); err != nil {
		return command{}, fmt.Errorf("relay: reading a message: %w", err)
	}
	if string(data[size:]) != "\r\n" {
		return command{}, errUnknown
	}
	if withHeader {
		if cmd.header, err = nats.DecodeHeadersMsg(data[:header]); err != nil {
			return command{}, errUnknown
		}
	}
	cmd.data = data[header:size:size]
	return cmd, nil
}

func subscription(args []string) (command, error) {
	cmd := command{verb: verbSubscribe}
	switch len(args) {
	case 2:
	case 3:
		cmd.queue = args[1]
	default:
		return command{}, errUnknown
	}
	cmd.subject, cmd.sid = args[0], args[len(args)-1]
	return cmd, nil
}

func unsubscription(args []string) (command, error) {
	if len(args) != 1 && len(args) != 2 {
		return command{}, errUnknown
	}
	cmd := command{verb: verbUnsubscribe, sid: args[0]}
	if len(args) == 2 {
		var err error
		if cmd.max, err = length(args[1]); err != nil {
			return command{}, errUnknown
		}
	}
	return cmd, nil
}

// length reads a number that is not negative.
func length(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}
