package conformance

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// roleEnv has the test binary be a program of its own, one of roles; dirEnv
// names the directory for the program's files.
const (
	roleEnv = "CONFORMANCE_ROLE"
	dirEnv  = "CONFORMANCE_DIR"
)

// roles are the programs that the test binary can be. The init functions of the
// files that use them add them.
var roles = map[string]func(){}

// program prepares the test binary as the program of a role, killed with ctx.
func program(ctx context.Context, role, dir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role, dirEnv+"="+dir)
	return cmd
}

// runProgram runs a program to its end, which must be good, and returns what it
// wrote.
func runProgram(t testing.TB, role, dir string) (stdout, stderr string) {
	t.Helper()
	cmd := program(soon(t), role, dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "program %s: %s", role, &errs)
	return out.String(), errs.String()
}

// must ends a program that cannot go on.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
