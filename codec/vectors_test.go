package codec_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors and the examples in docs/protocol.md")

// vector is a test case for other implementations of the wire format.
type vector struct {
	Name     string `json:"name"`
	Hex      string `json:"hex"`
	Means    any    `json:"means,omitempty"`     // what a reader finds in it
	ReadOnly bool   `json:"read_only,omitempty"` // a writer would put it otherwise
	Error    string `json:"error,omitempty"`     // what a reader refuses it as: "malformed", "version" or "value"
	Why      string `json:"why,omitempty"`

	read func([]byte) (any, error) // by this package
}

// vectorFiles returns all vectors by the file that they stand in.
func vectorFiles(t *testing.T) map[string][]vector {
	return map[string][]vector{
		"batch":    batchVectors(t),
		"outcomes": outcomesVectors(t),
		"receipt":  receiptVectors(t),
		"cancel":   cancelVectors(t),
		"started":  startedVectors(t),
		"progress": progressVectors(t),
		"dead":     deadVectors(t),
		"value":    valueVectors(t),
	}
}

// The files hold what this package writes, and it reads in them what they say.
func TestVectors(t *testing.T) {
	t.Parallel()
	files := vectorFiles(t)
	for file, vectors := range files {
		path := filepath.Join("testdata", "vectors", file+".json")
		text := vectorText(t, file, vectors)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(have), "go test ./codec -run Vectors -update rewrites %s", path)
		names := map[string]bool{}
		for _, v := range vectors {
			require.False(t, names[v.Name], "%s: two are called %s", file, v.Name)
			names[v.Name] = true
			v.check(t, file)
		}
	}
	there, err := filepath.Glob("testdata/vectors/*.json")
	require.NoError(t, err)
	require.Len(t, there, len(files), "files that nothing writes")
}

func (v *vector) check(t *testing.T, file string) {
	t.Helper()
	data, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	means, err := v.read(data)
	if v.Error == "" {
		require.NoError(t, err, "%s: %s", file, v.Name)
		require.Equal(t, asJSON(t, v.Means), asJSON(t, means), "%s: %s", file, v.Name)
		return
	}
	got := ""
	switch {
	case errors.Is(err, codec.ErrDecode): // of a value, and may wrap ErrMalformed
		got = "value"
	case errors.Is(err, codec.ErrMalformed):
		got = "malformed"
	case errors.Is(err, codec.ErrVersion):
		got = "version"
	}
	require.Equal(t, v.Error, got, "%s: %s: %v", file, v.Name, err)
}

// vectorText returns a file, with a line for each vector.
func vectorText(t *testing.T, kind string, vectors []vector) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("{\"kind\": \"" + kind + "\", \"vectors\": [\n")
	for i, v := range vectors {
		text.WriteString(asJSON(t, v))
		if i < len(vectors)-1 {
			text.WriteByte(',')
		}
		text.WriteByte('\n')
	}
	text.WriteString("]}\n")
	return text.String()
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(v))
	return strings.TrimSuffix(text.String(), "\n")
}

// written is a vector of what a writer puts exactly so.
func written(name string, data []byte, means any, read func([]byte) (any, error)) vector {
	return vector{Name: name, Hex: hex.EncodeToString(data), Means: means, read: read}
}

// readable is a vector of what a reader takes though no writer should put it so.
func readable(name string, data []byte, means any, read func([]byte) (any, error)) vector {
	v := written(name, data, means, read)
	v.ReadOnly = true
	return v
}

func refusable(name string, data []byte, why string, read func([]byte) (any, error)) vector {
	return vector{Name: name, Hex: hex.EncodeToString(data), Error: "malformed", Why: why, read: read}
}

// refusables are what every kind of message refuses, made from one that reads.
func refusables(message []byte, read func([]byte) (any, error)) []vector {
	other := append([]byte{}, message...)
	other[1] = 2
	kind := append([]byte{}, message...)
	kind[2] = 0x7f
	version := refusable("another version", other, "version 2", read)
	version.Error = "version"
	return []vector{
		version,
		refusable("another kind", kind, "kind 127 does not belong here", read),
		refusable("truncated", message[:len(message)-1], "the last byte is missing", read),
		refusable("trailing byte", append(append([]byte{}, message...), 0xc0), "a byte after the end", read),
		refusable("too few elements", []byte{0x92, message[1], message[2]}, "an envelope of two elements", read),
		refusable("nothing", nil, "no byte", read),
		refusable("a map", []byte{0x80}, "an envelope is an array", read),
		refusable("more elements than bytes", []byte{0xdd, 0xff, 0xff, 0xff, 0xff, message[1], message[2]}, "an array of 4,294,967,295 elements in seven bytes; nothing may be allocated for it", read),
	}
}

// extended is a message with another element at its end, as a later revision may
// have.
func extended(message []byte, element ...byte) []byte {
	longer := append(append([]byte{}, message...), element...)
	longer[0]++
	return longer
}
