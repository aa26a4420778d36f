package command

import (
	"errors"
	"strings"
)

// split splits a command line into words as a POSIX shell reads quotes: nothing
// is special within '…'; within "…" a backslash keeps a ", a \, a $, a ` and a
// newline from meaning what they mean; elsewhere it does so for any character.
// Nothing is expanded, and no operator or comment is known: $HOME, *, |, ; and #
// are text. That is why no library does it: those there are know comments, or end
// at the first operator.
func split(line string) (words []string, err error) {
	var word strings.Builder
	begun := false // an empty word may be quoted
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
			continue
		case '\'':
			length := strings.IndexByte(line[i+1:], '\'')
			if length < 0 {
				return nil, errors.New("a ' is not closed")
			}
			word.WriteString(line[i+1 : i+1+length])
			i += length + 1
		case '"':
			length, err := doubleQuoted(&word, line[i+1:])
			if err != nil {
				return nil, err
			}
			i += length
		case '\\':
			if i++; i == len(line) {
				return nil, errors.New("a \\ stands at the end")
			}
			if line[i] == '\n' {
				continue // the line goes on
			}
			word.WriteByte(line[i])
		default:
			word.WriteByte(c)
		}
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// doubleQuoted adds what stands before the closing quote, and returns its length
// with that quote.
func doubleQuoted(word *strings.Builder, text string) (length int, err error) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return i + 1, nil
		case text[i] == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`\n", text[i+1]) >= 0:
			if i++; text[i] != '\n' {
				word.WriteByte(text[i])
			}
		default:
			word.WriteByte(text[i])
		}
	}
	return 0, errors.New("a \" is not closed")
}
