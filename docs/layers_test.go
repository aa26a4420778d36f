package docs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/musterfleet/muster/"

// layer is a row of the table in patterns.md.
type layer struct {
	packages []string // what may be imported
	own      string   // a program's folder, within which it may import anything
}

// The table in patterns.md is the rule: every import within the project must be
// allowed by it, on every platform, and every package must have a row. So must it in
// architecture.md, and in the rooms of CONTRIBUTING.md, unless it is a program.
func TestLayers(t *testing.T) {
	t.Parallel()
	layers := readLayers(t)
	require.Contains(t, layers, "pool", "the table was not understood")

	architecture, rooms := rows(t, "architecture.md"), rows(t, "../CONTRIBUTING.md")
	checked := 0
	for pkg, imports := range projectImports(t) {
		row, ok := rowOf(layers, pkg)
		if !ok {
			t.Errorf("package %s has no row in docs/patterns.md", pkg)
			continue
		}
		checked++
		if row.own == "" {
			require.Contains(t, architecture, pkg, "a row in docs/architecture.md")
			require.Contains(t, rooms, pkg+"/", "a row in CONTRIBUTING.md")
		}
		for imported, file := range imports {
			allowed := slices.Contains(row.packages, imported) || row.own != "" && strings.HasPrefix(imported, row.own)
			if strings.HasPrefix(pkg, "examples/") && strings.HasPrefix(imported, "internal/") {
				allowed = false // a reader's program could not
			}
			if !allowed {
				t.Errorf("%s: package %s must not import %s", file, pkg, imported)
			}
		}
	}
	require.GreaterOrEqual(t, checked, len(layers)-3, "packages of the table are missing")
}

func rowOf(layers map[string]layer, pkg string) (layer, bool) {
	if row, ok := layers[pkg]; ok {
		return row, true
	}
	top, _, _ := strings.Cut(pkg, "/")
	row, ok := layers[top+"/"]
	return row, ok
}

// rows returns what is quoted in the first cells of a document's tables.
func rows(t *testing.T, document string) (names []string) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(string(text), -1) {
		for _, name := range quoted.FindAllStringSubmatch(row[1], -1) {
			names = append(names, name[1])
		}
	}
	return names
}

var quoted = regexp.MustCompile("`([^`]+)`")

func readLayers(t *testing.T) map[string]layer {
	text, err := os.ReadFile("patterns.md")
	require.NoError(t, err)
	layers := map[string]layer{}
	var above []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		if len(cells) != 2 || !strings.Contains(cells[0], "`") {
			continue
		}
		var packages []string
		if strings.Contains(cells[1], "all of the above") {
			packages = append(packages, above...)
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[1], -1) {
			packages = append(packages, name[1])
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[0], -1) {
			if folder, isFolder := strings.CutSuffix(name[1], "…"); isFolder {
				layers[folder] = layer{packages: packages, own: folder}
				continue
			}
			layers[name[1]] = layer{packages: packages}
			above = append(above, name[1])
		}
	}
	return layers
}

// projectImports gives, for each package, what it imports of the project, and a
// file that does. Tests may import what they like.
func projectImports(t *testing.T) map[string]map[string]string {
	all := map[string]map[string]string{}
	root := os.DirFS("..")
	require.NoError(t, fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." {
			_, err := fs.Stat(root, path.Join(name, "go.mod"))
			if err == nil || strings.ContainsAny(entry.Name()[:1], "._") || entry.Name() == "testdata" {
				return fs.SkipDir // another module, or none of Go's business
			}
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(name)
		if all[pkg] == nil {
			all[pkg] = map[string]string{}
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if rest, ok := strings.CutPrefix(imported, module); ok {
				all[pkg][rest] = name
			}
		}
		return nil
	}))
	return all
}
