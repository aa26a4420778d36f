package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"
)

var configReady = regexp.MustCompile(`^muster: broker ready at (\S+), configuration \S+$`)

// Each role with its NKey, from files, on a broker with the permissions of
// deploy/nats.
func TestRolesFromTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../../deploy/nats")))
	config := filepath.Join(dir, "test.conf")
	require.NoError(t, os.WriteFile(config, []byte(
		"listen: \"127.0.0.1:-1\"\njetstream { store_dir: \""+t.TempDir()+"\", max_file_store: 20GB }\ninclude accounts.conf\n"), 0o600))
	serve := muster(t, "serve", "--config", config)
	as := map[string][]string{}
	for role, group := range map[string]string{"producer": "billing", "worker": "worker", "operator": "operator"} {
		pair, err := nkeys.CreateUser()
		require.NoError(t, err)
		seed, err := pair.Seed()
		require.NoError(t, err)
		public, err := pair.PublicKey()
		require.NoError(t, err)
		file := filepath.Join(dir, role+".nk")
		require.NoError(t, os.WriteFile(file, seed, 0o600))
		serve.Env = append(serve.Env, "MUSTER_NKEY_"+strings.ToUpper(role)+"="+public)
		as[role] = []string{"--nkey", file, "--group", group}
	}
	url := startService(t, configReady, serve).ready[1]
	command := func(role string, args ...string) []string {
		return append(append(args, "--url", url), as[role]...)
	}

	run(t, nil, command("producer", "submit", "echo", "1")...).requireFailure(t, 1, "muster queue create")
	require.Equal(t, ended{}, run(t, nil, command("operator", "queue", "create", "default")...))
	startService(t, workerReady, muster(t, command("worker", "worker", "--processes", "1")...))
	require.Equal(t, ended{stdout: "true\n"}, run(t, nil, command("producer", "submit", "is_prime", "97")...))
	id := run(t, nil, command("producer", "submit", "--detach", "echo", "42")...)
	require.Regexp(t, `^billing\.[a-z2-7]{16}-\d+\n$`, id.stdout, id.stderr)
	require.Equal(t, ended{stdout: "42\n"}, run(t, nil, command("producer", "result", strings.TrimSpace(id.stdout))...))
	id = run(t, nil, command("producer", "submit", "--detach", "sleep", "600")...)
	cancelled := run(t, nil, command("producer", "cancel", "--kill", strings.TrimSpace(id.stdout))...)
	require.Zero(t, cancelled.status, cancelled.stderr)
	run(t, nil, command("worker", "queue", "pause", "default")...).requireFailure(t, 1, "may not publish to $JS.API.CONSUMER.PAUSE")
	run(t, nil, "submit", "echo", "1", "--url", url).requireFailure(t, 1, "--nkey")
}

// A user's password comes from a file or the environment, and is shown nowhere.
func TestUserAndPassword(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("hush/hush\n"), 0o600))
	broker := startService(t, serveReady, muster(t, "serve", "--listen", "127.0.0.1:0", "--store", t.TempDir(),
		"--user", "joe", "--password-file", password))
	require.Contains(t, broker.ready[1], "nats://***@")
	url := strings.Replace(broker.ready[1], "***@", "", 1)
	require.Zero(t, run(t, nil, "queue", "ls", "--url", url, "--user", "joe", "--password-file", password).status)
	environment := muster(t, "queue", "ls", "--url", url)
	environment.Env = append(environment.Env, "NATS_USER=joe", "NATS_PASSWORD=hush/hush")
	require.Zero(t, runCommand(t, nil, environment).status)
	wrong := muster(t, "queue", "ls", "--url", url)
	wrong.Env = append(wrong.Env, "NATS_USER=joe", "NATS_PASSWORD=secret/guess")
	got := runCommand(t, nil, wrong)
	got.requireFailure(t, 1, "refused the credential")
	require.NotContains(t, got.stderr, "guess")
	run(t, nil, "queue", "ls", "--url", url, "--password-file", password).requireFailure(t, 2, "--user")
	run(t, nil, "serve", "--user", "joe").requireFailure(t, 2, "--password-file")
}
