package dash

import (
	"fmt"
	"slices"
)

// button is what the template of that name makes a form with a button of.
type button struct {
	Verb, Label, Token string
	Asks               bool
	Fields             []field
}

type field struct{ Name, Value string }

// newButton makes a button from the names and values of its form's fields.
func newButton(p *page, verb string, pairs ...any) button {
	a := actions[verb]
	b := button{Verb: verb, Label: a.label, Asks: a.asks != "", Token: p.Token}
	for pair := range slices.Chunk(pairs, 2) {
		b.Fields = append(b.Fields, field{fmt.Sprint(pair[0]), fmt.Sprint(pair[1])})
	}
	return b
}

// About tells the button apart from others of the page.
func (b button) About() (about string) {
	for _, f := range b.Fields {
		about += " " + f.Value
	}
	return about
}
