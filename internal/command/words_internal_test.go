package command

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                                nil,
		" \t\n":                           nil,
		"sha256sum {}":                    {"sha256sum", "{}"},
		`  a   "b c" 'd  e'	f\ g `:        {"a", "b c", "d  e", "f g"},
		`a "" ''`:                         {"a", "", ""},
		`--x='a b'c"d e"f\'g`:             {"--x=a bcd ef'g"},
		`'\' '"$x"' "\"\\\$\` + "`" + `"`: {`\`, `"$x"`, "\"\\$`"},
		`"\a \'"`:                         {`\a \'`},
		"a\\\nb \"c\\\nd\"":               {"ab", "cd"},
		"$HOME * ~ `x` $(x) | ; & > f #c": {"$HOME", "*", "~", "`x`", "$(x)", "|", ";", "&", ">", "f", "#c"},
		"\xff\xfe 'ü'":                    {"\xff\xfe", "ü"},
	} {
		got, err := split(line)
		require.NoError(t, err, line)
		require.Equal(t, want, got, line)
	}
	for line, want := range map[string]string{
		`a 'b`: "a ' is not closed", `a "b`: `a " is not closed`, `a "b\"`: `a " is not closed`, `a \`: `a \ stands at the end`,
	} {
		_, err := split(line)
		require.EqualError(t, err, want, line)
	}
}

// The end of stderr is kept, however it is written.
func TestLastWords(t *testing.T) {
	t.Parallel()
	var all []byte
	w := &lastWords{}
	for i := range 3000 {
		part := make([]byte, i%97)
		for j := range part {
			part[j] = byte('a' + (i+j)%26)
		}
		n, err := w.Write(part)
		require.NoError(t, err)
		require.Equal(t, len(part), n)
		all = append(all, part...)
		require.Equal(t, string(all[max(len(all)-maxWords, 0):]), w.String())
		require.LessOrEqual(t, len(w.data), 2*maxWords)
	}
	_, err := w.Write(make([]byte, 3*maxWords))
	require.NoError(t, err)
	require.Len(t, w.String(), maxWords)
}
