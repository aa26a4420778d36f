package main

import (
	"bufio"
	"errors"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/internal/jsonvalue"
)

func addJSON(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// writeJSON writes a value and a newline.
func writeJSON(w io.Writer, v any) error {
	_, err := w.Write(append(jsonvalue.AppendGo(nil, v), '\n'))
	return err
}

// writeJSONList writes an array, one element a line, as they come.
func writeJSONList[T any](w io.Writer, elements iter.Seq2[T, error]) error {
	out := bufio.NewWriter(w)
	before, after := "[", "]\n"
	for element, err := range elements {
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		_, _ = out.WriteString(before + "\n") // Flush tells
		_, _ = out.Write(jsonvalue.AppendGo(nil, element))
		before, after = ",", "\n]\n"
	}
	if after == "]\n" {
		_, _ = out.WriteString(before)
	}
	_, _ = out.WriteString(after)
	return out.Flush()
}

// withoutErrors returns the elements of a list as writeJSONList takes them.
func withoutErrors[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, element := range list {
			if !yield(element, nil) {
				return
			}
		}
	}
}
