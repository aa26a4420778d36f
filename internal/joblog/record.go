package joblog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// header names the columns.
const header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tTask\tHash\tFunc\tItem\n"

// Columns that reading needs, and how many there are.
const (
	seqColumn  = 0
	exitColumn = 6
	hashColumn = 9
	funcColumn = 10
	columns    = 12
)

// shown is how much of an item its line shows, in bytes.
const shown = 120

// Record is a line of a job log: what became of an item.
type Record struct {
	Seq     int
	Host    string // or empty
	Start   time.Time
	Run     time.Duration
	Send    int
	Receive int
	Exit    int
	Signal  string // or empty
	Task    string // or empty
	Hash    uint64
	Func    string
	Item    string // see Show
}

// Append appends the record as a line.
func (r *Record) Append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, int64(r.Seq), 10)
	dst = appendWord(dst, r.Host)
	dst = appendSeconds(dst, r.Start.Sub(time.Unix(0, 0)))
	dst = appendSeconds(dst, r.Run)
	for _, n := range []int{r.Send, r.Receive, r.Exit} {
		dst = strconv.AppendInt(append(dst, '\t'), int64(n), 10)
	}
	dst = appendWord(dst, r.Signal)
	dst = appendWord(dst, r.Task)
	dst = fmt.Appendf(dst, "\t%016x", r.Hash)
	dst = appendWord(dst, r.Func)
	return append(append(append(dst, '\t'), r.Item...), '\n')
}

func appendWord(dst []byte, word string) []byte {
	if word == "" {
		word = "-"
	}
	return append(append(dst, '\t'), escape.Replace(word)...)
}

func appendSeconds(dst []byte, d time.Duration) []byte {
	return strconv.AppendFloat(append(dst, '\t'), d.Seconds(), 'f', 3, 64)
}

// escape keeps what may have come from anywhere within its column.
var escape = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\x00`)

// Show returns the beginning of an item as its line has it.
func Show(item []byte) string {
	if len(item) > shown {
		item = append(bytes.ToValidUTF8(item[:shown:shown], nil), "…"...)
	}
	return escape.Replace(string(item))
}

// Hash returns what tells an item from others. Whether it is taken as a string
// whatever it looks like is part of it.
func Hash(item []byte, raw bool) uint64 {
	kind := byte('j')
	if raw {
		kind = 'r'
	}
	h := sha256.New()
	h.Write([]byte{kind})
	h.Write(item)
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// entry is what resuming needs of a line.
type entry struct {
	seq  int
	hash uint64
}

// parse reads a line without its newline.
func parse(line []byte, name string) (e entry, done bool, err error) {
	var column [columns][]byte
	n := 0
	for part := range bytes.SplitSeq(line, []byte{'\t'}) {
		if n < len(column) {
			column[n] = part
		}
		n++
	}
	if n != columns {
		return e, false, fmt.Errorf("%w: %d columns, not %d", ErrFormat, n, columns)
	}
	e.seq, err = strconv.Atoi(string(column[seqColumn]))
	if err == nil {
		e.hash, err = strconv.ParseUint(string(column[hashColumn]), 16, 64)
	}
	switch {
	case err != nil:
		return e, false, fmt.Errorf("%w: %v", ErrFormat, err)
	case e.seq < 1:
		return e, false, fmt.Errorf("%w: item %d", ErrFormat, e.seq)
	case string(column[funcColumn]) != escape.Replace(name):
		return e, false, fmt.Errorf("%w: %.100q", ErrFunc, column[funcColumn])
	}
	return e, string(column[exitColumn]) == "0", nil
}
