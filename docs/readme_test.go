package docs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The README's first program compiles as it stands, and prints what the README
// says.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	source, rest := block(t, string(readme), "go")
	want, _ := block(t, rest, "text")

	dir := t.TempDir()
	file, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()

	build := exec.CommandContext(ctx, "go", "build", "-o", program, file)
	build.Dir = ".." // the program is a file of this module
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	var stdout, stderr strings.Builder
	run := exec.CommandContext(ctx, program)
	run.Stdout, run.Stderr = &stdout, &stderr
	require.NoError(t, run.Run(), "%s", &stderr)
	require.Equal(t, want, stdout.String())
}

// block returns the first fenced block of a language, and the text after it.
func block(t *testing.T, text, language string) (content, rest string) {
	_, text, found := strings.Cut(text, "\n```"+language+"\n")
	require.True(t, found, "no block of %s", language)
	content, rest, found = strings.Cut(text, "```\n")
	require.True(t, found, "a block of %s has no end", language)
	return content, rest
}
