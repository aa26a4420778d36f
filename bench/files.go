package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/musterfleet/muster/bench/report"
	"github.com/musterfleet/muster/bench/work"
)

// files are what results are written to, those that are named.
type files struct{ svg, json, update string }

// write writes them all anew.
func (f files) write(r work.Results) error {
	if f.update != "" {
		if err := report.Update(f.update, r); err != nil {
			return err
		}
	}
	if f.json != "" {
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return fmt.Errorf("encoding the samples: %w", err)
		}
		if err := os.WriteFile(f.json, text, 0o644); err != nil {
			return fmt.Errorf("writing the samples: %w", err)
		}
	}
	if f.svg != "" {
		var picture bytes.Buffer
		if err := report.SVG(&picture, r); err != nil {
			return err
		}
		if err := os.WriteFile(f.svg, picture.Bytes(), 0o644); err != nil {
			return fmt.Errorf("writing the picture: %w", err)
		}
	}
	return nil
}
