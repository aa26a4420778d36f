package versions

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oldest is the commit of the oldest version that this one must work with. Move it
// on when a change to the wire format is meant to leave older ones behind, and say so
// in CHANGELOG.md.
const oldest = "1b749b4e68c77e09253d7cddff60bee85fe53e37"

// The programs, both built at most once.
var oldProgram, newProgram string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-versions-")
	must(err)
	newProgram = filepath.Join(dir, "new")
	must(build(newProgram, "../.."))
	if exec.Command("git", "cat-file", "-e", oldest+"^{commit}").Run() == nil {
		sources := filepath.Join(dir, "sources")
		must(extract(oldest, sources))
		oldProgram = filepath.Join(dir, "old")
		must(build(oldProgram, sources))
	}
	status := m.Run()
	must(os.RemoveAll(dir))
	os.Exit(status)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

func build(program, sources string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/muster")
	cmd.Dir = sources
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", sources, err, said)
	}
	return nil
}

// extract writes the files of a commit to a directory, and nothing to the repository.
func extract(commit, dir string) error {
	cmd := exec.Command("git", "archive", "--format=tar", commit)
	cmd.Dir = "../.."
	archive, err := cmd.Output()
	if err != nil {
		return err
	}
	files := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		text, err := io.ReadAll(files)
		if err != nil {
			return err
		}
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("%s: %w", header.Name, fs.ErrInvalid)
		}
		path := filepath.Join(dir, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
}

func requireHistory(t *testing.T) {
	t.Helper()
	if oldProgram != "" {
		return
	}
	const missing = "old and new versions are not tested together: this clone lacks commit " + oldest + " (git fetch --unshallow)"
	if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "history") {
		require.Fail(t, missing)
	}
	t.Skip(missing)
}
