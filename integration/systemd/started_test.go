package systemd

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

// patience bounds the whole test, building the program included.
const patience = 3 * time.Minute

// The worker host runs with the unit's own command, environment file and reload
// command, and tells the service manager what the unit's type wants to hear.
func TestWorkerAsItsUnitRunsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	unit := read(t, "muster-worker.service")
	require.Equal(t, "notify", setting(t, unit, "Type"))

	dir := t.TempDir()
	muster := filepath.Join(dir, "muster")
	build, err := exec.CommandContext(ctx, "go", "build", "-o", muster, "../../cmd/muster").CombinedOutput()
	require.NoError(t, err, "%s", build)
	b, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: filepath.Join(dir, "store")})
	require.NoError(t, err)
	defer b.Shutdown()

	socket := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()

	words := strings.Fields(setting(t, unit, "ExecStart"))
	require.Equal(t, []string{program, "worker"}, words[:2])
	require.Equal(t, "$MUSTER_ARGS", words[len(words)-1])
	args := append(words[1:len(words)-1], "--processes=1")
	cmd := exec.CommandContext(ctx, muster, args...)
	cmd.Env = append(os.Environ(), variables(t, "worker.env")...)
	cmd.Env = append(cmd.Env, "MUSTER_URL="+b.URL(), "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=2000000", "TMPDIR=/nowhere")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill() // it has ended, unless the test failed
		_ = cmd.Wait()
	}()

	await := func(assignment string) {
		t.Helper()
		deadline, _ := ctx.Deadline()
		require.NoError(t, manager.SetReadDeadline(deadline))
		for said := make([]byte, 4096); ; {
			n, err := manager.Read(said)
			require.NoError(t, err, "it never says %s: %s", assignment, stderr.String())
			if bytes.Contains(said[:n], []byte(assignment)) {
				return
			}
		}
	}
	await("READY=1")
	await("WATCHDOG=1")

	reload := exec.CommandContext(ctx, "sh", "-c", setting(t, unit, "ExecReload"))
	reload.Env = append(os.Environ(), "MAINPID="+strconv.Itoa(cmd.Process.Pid))
	said, err := reload.CombinedOutput()
	require.NoError(t, err, "%s", said)
	await("RELOADING=1")
	await("READY=1")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	await("STOPPING=1")
	require.NoError(t, cmd.Wait(), "%s", stderr.String())
}

// setting returns the one value that a unit has under a name.
func setting(t *testing.T, unit, name string) string {
	t.Helper()
	all := regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(unit, -1)
	require.Len(t, all, 1, name)
	return all[0][1]
}

// variables reads an environment file.
func variables(t *testing.T, name string) (all []string) {
	for line := range strings.Lines(read(t, name)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			require.Contains(t, line, "=")
			all = append(all, line)
		}
	}
	return all
}
