package report

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// ErrMarkers is wrapped when a document has no place for the tables.
var ErrMarkers = errors.New("no markers where tables go")

// Update puts the tables into a document, in place of those that it has.
func Update(path string, r work.Results) error {
	tables := &strings.Builder{}
	if err := Markdown(tables, r); err != nil {
		return err
	}
	return Replace(path, "bench", tables.String())
}

// Replace puts tables into a document, in place of what stands between the two
// markers of a name: <!-- NAME:begin --> and <!-- NAME:end -->. Its error wraps
// [ErrMarkers] if they are not there.
func Replace(path, name, tables string) error {
	beginMarker, endMarker := "<!-- "+name+":begin -->", "<!-- "+name+":end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, begins := strings.Cut(string(text), beginMarker)
	_, after, ends := strings.Cut(rest, endMarker)
	if !begins || !ends {
		return fmt.Errorf("%s: %w: %s and %s", path, ErrMarkers, beginMarker, endMarker)
	}
	text = []byte(before + beginMarker + "\n" + tables + endMarker + after)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
