package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

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
	Final bool // another attempt would not mend the error
}

// wire is how a server is spoken to.
type wire interface {
	// ask appends a request with its argument.
	ask(dst []byte, r request, arg value) ([]byte, error)
	// next waits for the next answer. io.EOF is the end, before one began.
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
	return fmt.Errorf("%w: an answer is larger than %d bytes", ErrOutput, most)
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
	var read struct {
		Ready bool            `json:"ready"`
		ID    uint64          `json:"id"`
		Value json.RawMessage `json:"value"`
		Error *string         `json:"error"`
		Final bool            `json:"final"`
	}
	if !jsonvalue.Valid(line) {
		err = errors.New("it is not JSON")
	} else {
		err = json.Unmarshal(line, &read)
	}
	a := answer{Ready: read.Ready, ID: read.ID, Error: read.Error, Final: read.Final}
	if err == nil && read.Value != nil {
		encoded, bad := fromJSON(bytes.TrimSpace(read.Value))
		if bad != nil { // the answer reads, and only its task has no result
			text := fmt.Sprintf("%v: value is %v", ErrOutput, bad)
			return answer{ID: read.ID, Error: &text}, nil
		}
		a.Value = encoded
	}
	if err != nil {
		return answer{}, fmt.Errorf("%w: the line %.100q: %w", ErrOutput, bytes.TrimSpace(line), err)
	}
	return a, nil
}

func (w *jsonWire) line() (line []byte, err error) {
	for {
		part, err := w.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case int64(len(line)) > w.most:
			return nil, tooLarge(w.most - envelope)
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(line) > 0:
			return nil, fmt.Errorf("%w: the line %.100q does not end", ErrOutput, line)
		default:
			return line, err
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
	case err != nil:
		return answer{}, fmt.Errorf("%w: not an answer in MessagePack: %w", ErrOutput, err)
	}
	return a, nil
}
