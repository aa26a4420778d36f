package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link = regexp.MustCompile(`\]\(([^)#\s"]+)[^)]*\)`)
	// A package that a command runs, such as "go run ./examples/primes".
	command = regexp.MustCompile(`\bgo (?:run|build|test) (?:-\S+ )*\./([a-z][a-z/]*)`)
)

// Files that the documents point to, and packages that their commands name, exist.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if target := found[1]; !strings.Contains(target, "://") {
				requireExists(t, document, filepath.Join(filepath.Dir(document), target))
			}
		}
		for _, found := range command.FindAllStringSubmatch(string(text), -1) {
			requireExists(t, document, filepath.Join("..", found[1]))
		}
	}
}

func requireExists(t *testing.T, document, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("%s points to what is not there: %v", document, err)
	}
}
