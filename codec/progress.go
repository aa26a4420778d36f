package codec

import "fmt"

// Progress is a running handler's word on how far it has come.
type Progress struct {
	Done  uint64 // units of work done, of the handler's choice
	Total uint64 // units in all, 0 if not known
	Note  string // at most 1 KiB; what is longer is cut
}

// maxNote bounds the text of a progress report, in bytes.
const maxNote = 1 << 10

// AppendProgress appends a progress report of an attempt at a client's n-th
// task.
func AppendProgress(dst []byte, n uint64, attempt int, p Progress) []byte {
	dst = appendEnvelope(dst, kindProgress, 5)
	dst = appendUint(dst, n)
	dst = appendUint(dst, uint64(max(attempt, 0)))
	dst = appendUint(dst, p.Done)
	dst = appendUint(dst, p.Total)
	return appendString(dst, cut(p.Note, maxNote))
}

// ReadProgress reads a progress report. Its error wraps [ErrMalformed] or
// [ErrVersion].
func ReadProgress(data []byte) (n uint64, attempt int, p Progress, err error) {
	r := reader{data: data}
	extra := r.envelope(kindProgress, 5)
	n = r.uint()
	attempt = r.count()
	p.Done, p.Total = r.uint(), r.uint()
	p.Note = r.text(maxNote)
	if err := r.close(extra); err != nil {
		return 0, 0, Progress{}, fmt.Errorf("progress report: %w", err)
	}
	return n, attempt, p, nil
}
