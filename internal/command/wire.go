package command

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/jsonvalue"
)

// request is what a server is told of a task.
type request struct {
	ID      uint64 `json:"id" msgpack:"id"` // of the request, from 1
	Task    string `json:"task" msgpack:"task"`
	Func    string `json:"func" msgpack:"func"`
	Attempt int    `json:"attempt" msgpack:"attempt"`
}

// answer is what a server says: that it is ready, or what a task came to.
type answer struct {
	Ready bool
	ID    uint64 // of the request
	Value value  // nil if there is an error
	Error *string
	Final bool  // another attempt would not mend the error
	Bad   error // why there is neither, though the answer is one to the request

	line []byte // that it was read from, or nil
}

// show returns the answer as it is shown to a person.
func (a *answer) show() string {
	if a.line == nil {
		return fmt.Sprintf("an answer with the id %d", a.ID)
	}
	return fmt.Sprintf("the line %.100q", a.line)
}

// check notes what is wrong with an answer to a request that says nothing, or two things
// at once.
func (a *answer) check() {
	if a.Bad == nil && !a.Ready && (a.Value == nil) == (a.Error == nil) {
		a.Bad = fmt.Errorf("%s: it needs either value or error", a.show())
	}
}

// wire is how a server is spoken to.
type wire interface {
	// ask appends a request with its argument.
	ask(dst []byte, r request, arg value) ([]byte, error)
	// next waits for the next answer. The error wraps ErrOutput if what came is none;
	// io.EOF is the end, before one began, and io.ErrUnexpectedEOF within one.
	next() (answer, error)
}

// envelope is what an answer holds besides its value, at most, in bytes.
const envelope = 1 << 10

func newWire(c Command, in io.Reader, most int64) wire {
	if c.Msgpack {
		bounded := &io.LimitedReader{R: in}
		return &msgpackWire{in: bounded, most: most + envelope, decoder: msgpack.NewDecoder(bounded)}
	}
	return &jsonWire{in: bufio.NewReaderSize(in, 64<<10), most: most + envelope}
}

func tooLarge(most int64) error {
	return codec.Final(fmt.Errorf("%w: an answer is larger than %d bytes", ErrOutput, most))
}

// jsonWire has one JSON value a line.
type jsonWire struct {
	in   *bufio.Reader
	most int64
}

func (w *jsonWire) ask(dst []byte, r request, arg value) ([]byte, error) {
	head := jsonvalue.AppendGo(dst, r)
	head = append(head[:len(head)-1], `,"arg":`...)
	all, err := jsonvalue.Append(head, arg)
	return append(all, "}\n"...), err
}

func (w *jsonWire) next() (answer, error) {
	line, err := w.line()
	if err != nil {
		return answer{}, err
	}
	a, err := readAnswer(line)
	if err != nil {
		return answer{}, fmt.Errorf("%w: the line %.100q: %w", ErrOutput, line, err)
	}
	a.check()
	return a, nil
}

var errNotJSON = errors.New("it is not JSON")

// readAnswer reads a line. One that has an id is an answer to that request even if the
// rest of it does not read: then Bad says why.
func readAnswer(line []byte) (answer, error) {
	a := answer{line: line}
	var read struct {
		Ready bool            `json:"ready"`
		ID    uint64          `json:"id"`
		Value json.RawMessage `json:"value"`
		Error *string         `json:"error"`
		Final bool            `json:"final"`
	}
	err := errNotJSON
	if jsonvalue.Valid(line) {
		err = plain(json.Unmarshal(line, &read))
		a.Ready, a.ID, a.Error, a.Final = read.Ready, read.ID, read.Error, read.Final
	}
	if err == nil && read.Value != nil {
		encoded, bad := fromJSON(bytes.TrimSpace(read.Value))
		if bad != nil { // the answer reads, and only its task has no result
			text := fmt.Sprintf("%v: value is %v", ErrOutput, bad)
			return answer{ID: read.ID, Error: &text}, nil
		}
		a.Value = encoded
	}
	if err == nil {
		return a, nil
	}
	var addressed struct {
		ID uint64 `json:"id"`
	}
	readable, numbers := withoutNonNumbers(bytes.ToValidUTF8(line, []byte("?")))
	if json.Unmarshal(readable, &addressed) != nil || addressed.ID == 0 {
		return answer{}, err
	}
	switch {
	case numbers != "":
		err = fmt.Errorf("%w: %s is no number there", err, numbers)
	case !utf8.Valid(line):
		err = fmt.Errorf("%w: it is not UTF-8", err)
	}
	return answer{ID: addressed.ID, Bad: fmt.Errorf("the line %.100q: %w", line, err), line: line}, nil
}

// plain says what is wrong with an answer's keys without Go's types.
func plain(err error) error {
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("the %s cannot be a %s", cmp.Or(bad.Field, "answer"), bad.Value)
	}
	return err
}

// withoutNonNumbers returns a line with null in place of NaN and Infinity, which many
// encoders write and JSON does not have, and the first of these, if there is one.
func withoutNonNumbers(line []byte) (readable []byte, first string) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\' && i+1 < len(line):
			readable = append(readable, c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted:
			if word := nonNumber(line[i:]); word != "" {
				if first == "" {
					first = word
				}
				readable = append(readable, "null"...)
				i += len(word) - 1
				continue
			}
		}
		readable = append(readable, line[i])
	}
	return readable, first
}

func nonNumber(text []byte) string {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(text, []byte(word)) {
			return word
		}
	}
	return ""
}

// line returns the next line that is not blank, without its end.
func (w *jsonWire) line() (line []byte, err error) {
	for {
		part, err := w.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case int64(len(line)) > w.most:
			return nil, tooLarge(w.most - envelope)
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(line) > 0:
			return nil, fmt.Errorf("the line %.100q does not end: %w", line, io.ErrUnexpectedEOF)
		case err != nil:
			return nil, err
		default:
			if line = bytes.TrimSpace(line); len(line) > 0 {
				return line, nil
			}
		}
	}
}

// msgpackWire has one MessagePack value after the other.
type msgpackWire struct {
	in      *io.LimitedReader
	most    int64
	decoder *msgpack.Decoder
}

func (w *msgpackWire) ask(dst []byte, r request, arg value) ([]byte, error) {
	if len(arg) == 0 {
		arg = value{msgpcode.Nil}
	}
	out := bytes.NewBuffer(dst)
	err := msgpack.NewEncoder(out).Encode(struct {
		request
		Arg value `msgpack:"arg"`
	}{r, arg})
	return out.Bytes(), err
}

func (w *msgpackWire) next() (a answer, err error) {
	w.in.N = w.most
	if _, err := w.decoder.PeekCode(); err != nil {
		return answer{}, err
	}
	pairs, err := w.decoder.DecodeMapLen()
	for i := 0; i < pairs && err == nil; i++ {
		var key string
		if key, err = w.decoder.DecodeString(); err != nil {
			break
		}
		switch key {
		case "ready":
			a.Ready, err = w.decoder.DecodeBool()
		case "id":
			a.ID, err = w.decoder.DecodeUint64()
		case "value":
			a.Value, err = w.decoder.DecodeRaw()
		case "error":
			err = w.decoder.Decode(&a.Error) // nil is none, as in JSON
		case "final":
			a.Final, err = w.decoder.DecodeBool()
		default:
			err = w.decoder.Skip()
		}
	}
	switch {
	case err != nil && w.in.N <= 0:
		return answer{}, tooLarge(w.most - envelope)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return answer{}, fmt.Errorf("an answer does not end: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return answer{}, fmt.Errorf("%w: not an answer in MessagePack: %w", ErrOutput, err)
	}
	a.check()
	return a, nil
}
