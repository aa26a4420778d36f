package systemd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	folder = "../../deploy/systemd"
	// program is where the units expect it.
	program = "/usr/local/bin/muster"
	// exposure is the most that a unit may have, in tenths: systemd calls up to 1.9 OK.
	exposure = "15"
)

var units = []string{"muster-broker.service", "muster-worker.service"}

func TestUnits(t *testing.T) {
	analyze := analyzer(t)
	for _, unit := range units {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			for _, dropIns := range []bool{false, true} {
				installed := install(t, unit, dropIns)
				said, err := analyze("verify", "--man=no", installed)
				require.NoError(t, err, "%s", said)
				require.Empty(t, said)
				said, err = analyze("security", "--no-pager", "--offline=true", "--threshold="+exposure, installed)
				require.NoError(t, err, "%s", said)
				t.Log(said[strings.LastIndex(said, "Overall"):])
			}
		})
	}
}

// A check that nothing fails says nothing.
func TestWhatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	analyze := analyzer(t)
	unit := filepath.Join(t.TempDir(), "loose.service")
	require.NoError(t, os.WriteFile(unit, []byte("[Service]\nExecStart=/nowhere\nMemoryMost=1\n"), 0o600))
	said, err := analyze("verify", "--man=no", unit)
	require.Error(t, err)
	require.Contains(t, said, "MemoryMost")
	_, err = analyze("security", "--no-pager", "--offline=true", "--threshold="+exposure, unit)
	require.Error(t, err)
}

// install copies a unit, with this test in place of the program, which need not be
// installed for the check.
func install(t *testing.T, unit string, dropIns bool) (path string) {
	dir := t.TempDir()
	text := strings.ReplaceAll(read(t, unit), program, os.Args[0])
	path = filepath.Join(dir, unit)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	if dropIns {
		require.NoError(t, os.CopyFS(path+".d", os.DirFS(filepath.Join(folder, unit+".d"))))
	}
	return path
}

func read(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return string(text)
}

// analyzer returns a function that runs systemd-analyze.
func analyzer(t *testing.T) func(args ...string) (said string, err error) {
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		const missing = "the units are not checked: that needs systemd-analyze (apt-get install systemd): %v"
		if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "systemd") {
			t.Fatalf(missing, err)
		}
		t.Skipf(missing, err)
	}
	return func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Stdout, cmd.Stderr = &said, &said
		err := cmd.Run()
		return said.String(), err
	}
}
