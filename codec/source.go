package codec

import (
	"bytes"
	"errors"
	"slices"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// valueDecoder is the library's decoder over bytes that have been looked
// through: it recurses as deep as its input nests, and trusts lengths.
type valueDecoder struct {
	*msgpack.Decoder
	source source
}

var decoders = sync.Pool{New: func() any {
	d := &valueDecoder{}
	d.Decoder = msgpack.NewDecoder(&d.source)
	return d
}}

// begin makes d read data. It gives an error if that is not one whole value.
func (d *valueDecoder) begin(data []byte) error {
	r := reader{data: data}
	r.skip()
	if err := r.close(0); err != nil {
		return err
	}
	d.source.reset(data, r.disguised)
	d.Reset(&d.source)
	d.UseLooseInterfaceDecoding(true)
	return nil
}

// source is the bytes that a valueDecoder reads.
//
// Where a map belongs, the library passes over the head of an extension and
// takes its payload for the map, with a length that nobody has checked and for
// which it allocates. It is the only one to read the first byte of a payload as
// a code, so that is where source stops it.
type source struct {
	bytes.Reader
	disguised []int // payloads of extensions that look like a long map
}

var errDisguised = errors.New("extension where a map belongs")

func (s *source) reset(data []byte, disguised []int) {
	s.Reset(data)
	s.disguised = disguised
}

func (s *source) ReadByte() (byte, error) {
	if len(s.disguised) > 0 {
		if _, found := slices.BinarySearch(s.disguised, int(s.Size())-s.Len()); found {
			return 0, errDisguised
		}
	}
	return s.Reader.ReadByte()
}
