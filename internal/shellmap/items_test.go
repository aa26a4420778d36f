package shellmap

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestItems(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70_000)
	for _, test := range []struct {
		in   string
		end  byte
		want []string
	}{
		{"", '\n', nil}, {"\n", '\n', []string{""}}, {"a", '\n', []string{"a"}}, {"a\n", '\n', []string{"a"}},
		{"a\r\n\nb", '\n', []string{"a\r", "", "b"}}, {"a\nb\x00c", 0, []string{"a\nb", "c"}},
		{long + "\n" + long, '\n', []string{long, long}},
	} {
		for _, in := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
			got, size, err := readAll(newItems(newInput(in), test.end))
			require.Equal(t, io.EOF, err)
			require.Equal(t, test.want, got)
			require.Equal(t, len(test.in), size)
		}
	}
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))
	got, _, err := readAll(newItems(newInput(in), '\n'))
	require.ErrorIs(t, err, broken)
	require.Equal(t, []string{"a"}, got)
}

func readAll(items *items) (all []string, size int, err error) {
	for {
		item, err := items.next()
		if err != nil {
			return all, size, err
		}
		all = append(all, string(item.Text))
		size += item.size
	}
}

func TestItemTooLong(t *testing.T) {
	t.Parallel()
	items := newItems(io.MultiReader(io.LimitReader(zeros{}, maxItem+1), strings.NewReader("\nb\n")), '\n')
	first, err := items.next()
	require.NoError(t, err)
	require.ErrorContains(t, first.Err, "no broker carries more")
	second, err := items.next()
	require.NoError(t, err)
	require.NoError(t, second.Err)
	require.Equal(t, "b", string(second.Text))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// An input whose reads block for ever can be stopped, and nothing that it has
// given before is lost.
func TestInputStops(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	in := newInput(r)
	items := newItems(in, '\n')
	go w.Write([]byte("a\nb"))
	item, err := items.next()
	require.NoError(t, err)
	require.Equal(t, "a", string(item.Text))
	go in.stop()
	_, err = items.next()
	require.Equal(t, errStopped, err) // not "b", which is not whole
	require.NoError(t, w.Close())
}
