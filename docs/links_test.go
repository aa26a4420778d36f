package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)#\s"]*)#?([^)\s"]*)[^)]*\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// What a heading's anchor does not have, as GitHub makes it.
	dropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	// A package that a command runs, such as "go run ./examples/primes".
	command = regexp.MustCompile(`\bgo (?:run|build|test) (?:-\S+ )*\./([a-z][a-z/]*)`)
)

// Files and headings that the documents point to, and packages that their commands
// name, exist.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		prose := fence.ReplaceAllString(string(text), "")
		for _, found := range link.FindAllStringSubmatch(prose, -1) {
			target, anchor := document, found[2]
			if strings.Contains(found[1], "://") {
				continue
			}
			if found[1] != "" {
				target = filepath.Join(filepath.Dir(document), found[1])
			}
			requireExists(t, document, target)
			if anchor != "" && !slices.Contains(anchors(t, target), anchor) {
				t.Errorf("%s points to %s, which has no heading #%s", document, target, anchor)
			}
		}
		for _, found := range command.FindAllStringSubmatch(string(text), -1) {
			requireExists(t, document, filepath.Join("..", found[1]))
		}
	}
}

// anchors returns what a document's headings can be pointed to by.
func anchors(t *testing.T, document string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, found := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		all = append(all, strings.ReplaceAll(strings.ToLower(dropped.ReplaceAllString(found[1], "")), " ", "-"))
	}
	return all
}

func requireExists(t *testing.T, document, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("%s points to what is not there: %v", document, err)
	}
}
