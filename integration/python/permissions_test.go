package python

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/login"
)

// A program in another language that follows the document needs the permissions of its
// role, and no more.
func TestPythonWithThePermissionsOfItsRole(t *testing.T) {
	const queue = "default" // the roles' queue
	f := newFleet(t)
	f.server.Shutdown()
	permissions, err := os.ReadFile("../../deploy/nats/permissions.conf")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "permissions.conf"), permissions, 0o600))
	config := filepath.Join(f.dir, "broker.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
		listen: "127.0.0.1:-1"
		jetstream { store_dir: %q }
		include permissions.conf
		authorization { users: [
			{ user: producer, password: p, permissions: $ROLE_PRODUCER }
			{ user: worker, password: w, permissions: $ROLE_WORKER }
			{ user: operator, password: o, permissions: $ROLE_OPERATOR }
		] }`, filepath.Join(f.dir, "guarded")), 0o600))
	f.server, err = broker.StartServer(broker.ServerConfig{ConfigFile: config})
	require.NoError(t, err)
	as := func(user string) string {
		return "nats://" + user + ":" + user[:1] + "@" + f.server.URL()[len("nats://"):]
	}

	nc, err := broker.Connect(f.ctx, broker.Config{URL: as("operator"), Credentials: login.Credentials{Group: "operator"}})
	require.NoError(t, err)
	defer nc.Close()
	js, err := broker.Check(f.ctx, nc)
	require.NoError(t, err)
	require.NoError(t, broker.EnsureQueue(f.ctx, js, queue, broker.StreamOptions{}))
	require.NoError(t, broker.EnsureShared(f.ctx, js, broker.StreamOptions{}))
	require.NoError(t, objects.New(nc, slog.New(slog.DiscardHandler)).Ensure(f.ctx))
	_, err = js.Publish(f.ctx, broker.CancelSubject(queue), codec.AppendCancel(nil, "stranger", false, 1))
	require.NoError(t, err)

	f.environment = []string{"MUSTER_GROUP=worker"}
	worker := f.program(examples+"/worker.py", "--url", as("worker"), "--queue", queue)
	require.Equal(t, "ready", worker.line())
	f.environment = []string{"MUSTER_GROUP=billing"}
	for _, c := range []struct {
		args   []string
		prints string
	}{
		{[]string{"square", "12"}, "144"},
		{[]string{"divide", "[1, 0]"}, ""},
		{[]string{"--attempts", "3", "flaky", "2"}, `"done in attempt 3"`},
	} {
		p := f.program(examples+"/producer.py", append([]string{"--url", as("producer"), "--queue", queue}, c.args...)...)
		if c.prints != "" {
			require.Equal(t, c.prints, p.line())
		}
		p.ended()
	}

	require.NoError(t, worker.cmd.Process.Kill())
	f.environment = []string{"MUSTER_GROUP=worker"}
	smallest := f.program(examples+"/smallest.py", "worker", as("worker"), queue)
	require.Equal(t, "ready", smallest.line())
	f.environment = []string{"MUSTER_GROUP=billing"}
	p := f.program(examples+"/producer.py", "--url", as("producer"), "--queue", queue, "square", "5")
	require.Equal(t, "25", p.line())
	require.Zero(t, p.ended())
}
