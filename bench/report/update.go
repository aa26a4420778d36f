package report

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/musterfleet/muster/bench/work"
)

// What stands between these lines of a document is written by the program.
const (
	beginMarker = "<!-- bench:begin -->"
	endMarker   = "<!-- bench:end -->"
)

// ErrMarkers is wrapped when a document has no place for the tables.
var ErrMarkers = errors.New("no lines " + beginMarker + " and " + endMarker)

// Update puts the tables into a document, in place of those that it has.
func Update(path string, r work.Results) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, begins := strings.Cut(string(text), beginMarker)
	_, after, ends := strings.Cut(rest, endMarker)
	if !begins || !ends {
		return fmt.Errorf("%s: %w", path, ErrMarkers)
	}
	tables := &strings.Builder{}
	if err := Markdown(tables, r); err != nil {
		return err
	}
	text = []byte(before + beginMarker + "\n" + tables.String() + endMarker + after)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
