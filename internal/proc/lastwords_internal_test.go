package proc

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// said returns what is kept of some text.
func said(text string) string {
	var w lastWords
	for line := range strings.Lines(text) {
		w.add([]byte(strings.TrimSuffix(line, "\n")))
	}
	return w.String()
}

func TestWhereACrashReportBegins(t *testing.T) {
	t.Parallel()
	chatter := strings.Repeat("chatter\n", 100)
	rest := strings.Repeat("goroutine 7 [select]:\n", 1000)
	for name, text := range map[string]struct{ before, report string }{
		"panic":               {chatter, "panic: x\n\ngoroutine 1 [running]:\n"},
		"panic twice":         {"", "panic: x\n\tpanic: y\n\ngoroutine 1 [running]:\n"},
		"fatal error":         {chatter, "fatal error: concurrent map writes\n\ngoroutine 1 [running]:\n"},
		"fault":               {chatter, "unexpected fault address 0x0\nfatal error: fault\n[signal SIGSEGV: x]\n"},
		"runtime's word":      {chatter, "runtime: goroutine stack exceeds 1-byte limit\nruntime: sp=0xc\nfatal error: stack overflow\n"},
		"signal":              {chatter, "SIGSEGV: segmentation violation\nPC=0x1 m=0\n"},
		"false alarm":         {"panic: not so\n" + chatter, "SIGQUIT: quit\nPC=0x1\n"},
		"survived panic":      {"panic: survived\ngoroutine 3 [running]:\n", "panic: x\n\ngoroutine 1 [running]:\n"},
		"other threads' dump": {chatter, "panic: x\n\ngoroutine 1 [running]:\nmain.f()\n-----\n\nSIGQUIT: quit\n"},
	} {
		got := said(text.before + text.report + rest)
		require.True(t, strings.HasPrefix(got, text.report), "%s: %.200s", name, got)
		require.LessOrEqual(t, len(got), wordsSize, name)
		require.True(t, strings.HasSuffix(got, "\ngoroutine 7 [select]:"), name)
	}
	require.NotContains(t, said(chatter+"SIGNAL of none\nSIGkill: none\nworker panic: none\n"+rest), "none")
}

func TestCrashReportWithAHugeFirstLine(t *testing.T) {
	t.Parallel()
	got := said("panic: " + strings.Repeat("é", wordsSize) + "\ngoroutine 1 [running]:\n" + strings.Repeat("main.f()\n", 1000))
	require.True(t, strings.HasPrefix(got, "panic: é"))
	require.LessOrEqual(t, len(got), wordsSize)
	require.Regexp(t, `é\n\[\d+ bytes left out\]\nmain\.f\(\)\n`, got)
}

// What is said to be left out is what is.
func TestLeftOutIsCounted(t *testing.T) {
	t.Parallel()
	text := "panic: x\n" + strings.Repeat("0123456789abcde\n", 4096)
	got := said(text)
	head, rest, ok := strings.Cut(got, "[")
	require.True(t, ok)
	number, tail, ok := strings.Cut(rest, " bytes left out]\n")
	require.True(t, ok)
	n, err := strconv.Atoi(number)
	require.NoError(t, err)
	require.Equal(t, len(text), len(head)+len(tail)+len("\n")+n)
}
