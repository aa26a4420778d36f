package codec_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
)

// part says what a value of a message is, for [annotate].
type part struct {
	name     string
	elements []part // of an array of a fixed kind
	each     *part  // every element of an array, or value of a map
	inner    *part  // what a bin holds
}

var (
	failurePart = part{name: "failure", each: &part{}}
	taskPart    = part{name: "task", elements: []part{
		{name: "number"}, {name: "func"}, {name: "argument", inner: &part{}}, {name: "options", each: &part{each: &part{}}},
	}}
	outcomePart = part{name: "outcome", elements: []part{{name: "number"}, {name: "run time in µs"}, {name: "status"}, {name: "what it came to"}}}
	batchPart   = envelopePart("batch", part{name: "client"}, part{name: "tasks", each: &taskPart}, part{name: "one process for all"})

	messageParts = map[string]part{
		"batch":    batchPart,
		"outcomes": envelopePart("outcomes", part{name: "client"}, part{name: "outcomes", each: &outcomePart}),
		"receipt":  envelopePart("receipt", part{name: "outcomes taken"}),
		"cancel":   envelopePart("cancel", part{name: "client"}, part{name: "numbers", each: &part{name: "number"}}, part{name: "running ones too"}),
		"started":  envelopePart("started", part{name: "number"}, part{name: "attempt"}, part{name: "host"}, part{name: "process"}),
		"progress": envelopePart("progress", part{name: "number"}, part{name: "attempt"}, part{name: "done"}, part{name: "of"}, part{name: "note"}),
		"dead": envelopePart("dead letter", part{name: "queue"}, part{name: "given up at, in ms"},
			part{name: "failure", inner: &failurePart}, part{name: "message", inner: &batchPart}),
	}
)

func envelopePart(kind string, fields ...part) part {
	return part{name: "envelope", elements: append([]part{{name: "version"}, {name: "kind, " + kind}}, fields...)}
}

// annotate returns a message in hexadecimal, with a comment on every value of it.
func annotate(t *testing.T, message []byte, what part) string {
	a := &annotator{t: t, data: message}
	a.value(what, 0, nil)
	require.Empty(t, a.data)
	var text strings.Builder
	for _, line := range a.lines {
		fmt.Fprintf(&text, "%-48s # %s\n", line[0], line[1])
	}
	return text.String()
}

type annotator struct {
	t     *testing.T
	data  []byte
	lines [][2]string // hexadecimal, comment
}

func (a *annotator) take(n int) []byte {
	taken := a.data[:n]
	a.data = a.data[n:]
	return taken
}

func (a *annotator) line(depth int, comment string, pieces ...[]byte) {
	var words []string
	for _, piece := range pieces {
		if len(piece) > 0 {
			words = append(words, hex.EncodeToString(piece))
		}
	}
	indent := strings.Repeat("  ", depth)
	a.lines = append(a.lines, [2]string{indent + strings.Join(words, " "), comment})
}

// value takes a value, behind the key that it has in a map.
func (a *annotator) value(what part, depth int, key [][]byte) {
	code := a.data[0]
	switch {
	case code&0xf0 == 0x90, code == 0xdd:
		n := a.head(what, "an array of", depth, key, int(code&0x0f), code == 0xdd)
		for i := range n {
			element := part{}
			if what.each != nil {
				element = *what.each
			} else if i < len(what.elements) {
				element = what.elements[i]
			}
			if what.name == "outcome" && i == 3 && a.lines[len(a.lines)-1][0] == strings.Repeat("  ", depth+1)+"01" {
				element.inner = &failurePart // by the status before it
			} else if what.name == "outcome" && i == 3 {
				element.inner = &part{}
			}
			a.value(element, depth+1, nil)
		}
	case code&0xf0 == 0x80:
		for range a.head(what, "a map of", depth, key, int(code&0x0f), false) {
			head, text := a.text()
			value := part{name: text}
			if what.each != nil {
				value.each = what.each.each
			}
			a.value(value, depth+1, [][]byte{head, []byte(text)})
		}
	case code == 0xc4:
		head := a.take(2)
		if n := int(head[1]); what.inner == nil {
			a.line(depth, fmt.Sprintf("%s: %d bytes", what.name, n), append(key, head, a.take(n))...)
		} else if body := a.data[:n]; what.inner.name == "" {
			var v any
			require.NoError(a.t, msgpack.Unmarshal(body, &v))
			a.line(depth, fmt.Sprintf("%s: %v", what.name, v), append(key, head, a.take(n))...)
		} else {
			a.line(depth, fmt.Sprintf("%s: %d bytes", what.name, n), append(key, head)...)
			a.value(*what.inner, depth+1, nil)
		}
	case code&0xe0 == 0xa0, code == 0xd9:
		head, text := a.text()
		if len(key) > 0 && len(text) > 12 { // on a line of its own
			a.line(depth, what.name+":", key...)
			a.line(depth+1, text, head, []byte(text))
			return
		}
		a.line(depth, fmt.Sprintf("%s: %s", what.name, strings.ReplaceAll(text, "\n", `\n`)), append(key, head, []byte(text))...)
	default:
		size := map[byte]int{0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8}[code]
		var v any
		require.NoError(a.t, msgpack.Unmarshal(a.data[:1+size], &v))
		a.line(depth, fmt.Sprintf("%s: %v", what.name, v), append(key, a.take(1), a.take(size))...)
	}
}

// head takes the head of an array or map.
func (a *annotator) head(what part, kind string, depth int, key [][]byte, n int, long bool) int {
	pieces := append(key, a.take(1))
	if long {
		size := a.take(4)
		n, pieces = int(binary.BigEndian.Uint32(size)), append(pieces, size)
	}
	a.line(depth, fmt.Sprintf("%s, %s %d", what.name, kind, n), pieces...)
	return n
}

func (a *annotator) text() (head []byte, text string) {
	if a.data[0] == 0xd9 {
		head = a.take(2)
		return head, string(a.take(int(head[1])))
	}
	head = a.take(1)
	return head, string(a.take(int(head[0] & 0x1f)))
}
