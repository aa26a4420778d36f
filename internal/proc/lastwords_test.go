package proc_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// requireCutReport fails unless the text is a crash report, from its first line,
// and the end of stderr, with something left out between.
func requireCutReport(t *testing.T, stderr, first string) {
	t.Helper()
	require.True(t, strings.HasPrefix(stderr, first), stderr)
	require.LessOrEqual(t, len(stderr), 8<<10)
	require.Greater(t, len(stderr), 7<<10)
	require.Regexp(t, `(?m)^\[\d{4,} bytes left out\]$`, stderr)
	require.True(t, utf8.ValidString(stderr))
}

// The stacks of the other goroutines fill more than is kept.
func TestCrashReportIsKeptFromItsBeginning(t *testing.T) {
	t.Parallel()
	exit := exitOf(t, specFor("crash:300"))
	require.Equal(t, 2, exit.Code)
	require.False(t, exit.OutOfMemory)
	requireCutReport(t, exit.Stderr, "panic: the end\n")
	head, tail, _ := strings.Cut(exit.Stderr, " bytes left out]")
	require.Contains(t, head, "goroutine 1 ")
	require.Contains(t, head, "proc_test.crash")
	require.Contains(t, tail, "goroutine ")
	require.NotContains(t, exit.Stderr, "false alarm")
}

func TestShortCrashReportIsPartOfTheLastLines(t *testing.T) {
	t.Parallel()
	stderr := exitOf(t, specFor("crash:0")).Stderr
	require.NotContains(t, stderr, "left out")
	require.True(t, strings.HasPrefix(stderr, "life goes on\n"), stderr)
	require.Contains(t, stderr, "\npanic: the end\n")
}

// "fatal error" is not the first line of this one.
func TestStackOverflow(t *testing.T) {
	t.Parallel()
	exit := exitOf(t, specFor("overflow"))
	require.Equal(t, 2, exit.Code)
	require.Contains(t, exit.Stderr, "runtime: goroutine stack exceeds")
	require.Contains(t, exit.Stderr, "fatal error: stack overflow")
	require.False(t, exit.OutOfMemory)
}

func TestSignalThatGoReports(t *testing.T) {
	t.Parallel()
	exit := exitOf(t, specFor("signal"))
	require.Equal(t, 2, exit.Code)
	require.Contains(t, exit.Stderr, "SIGSEGV: segmentation violation\n")
}

func TestGoRunsOutOfMemory(t *testing.T) {
	t.Parallel()
	exit := exitOf(t, specFor("starve"))
	require.True(t, exit.OutOfMemory, "%s\n%s", exit, exit.Stderr)
	require.Contains(t, exit.Stderr, "fatal error: ")
	require.Equal(t, "exit status 2, out of memory", exit.String())
}
