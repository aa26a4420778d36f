package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadUsage(t *testing.T) {
	t.Parallel()
	for line, text := range map[string]string{
		"nosuchcommand":                         `unknown command "nosuchcommand"`,
		"demo now":                              "",
		"map":                                   "accepts 1 arg(s)",
		"map bad:name":                          "invalid func name",
		"map echo --chunk 0":                    "--chunk 0",
		"map echo --chunk 65537":                "--chunk 65537",
		"map echo --nosuchflag":                 "--nosuchflag",
		"map echo --url http://x":               "bad broker URL",
		"map echo --queue a.b":                  "queue name",
		"bench now":                             "",
		"bench --for 0s":                        "--for 0s",
		"bench --local --queue q":               "--local",
		"bench --url http://x":                  "bad broker URL",
		"submit":                                "accepts between 1 and 2",
		"submit sha256 hello":                   "is not JSON",
		"submit bad:name":                       "invalid func name",
		"submit echo --attempts 0":              "--attempts 0",
		"submit echo --limit -1s":               "--limit -1s",
		"submit echo --priority urgent":         "--priority urgent",
		"submit echo --key k --delay 1s":        "--key with --delay",
		"map echo --crashes 0":                  "--crashes 0",
		"map echo --key k":                      "--key",
		"result":                                "accepts 1 arg(s)",
		"result x":                              "is not a task's id",
		"result a-1 --no-wait --timeout 1s":     "--no-wait with --timeout",
		"result a-1 --timeout 0s":               "--timeout 0s",
		"cancel":                                "requires at least 1 arg(s)",
		"cancel x":                              "is not a task's id",
		"queue":                                 "which of its commands?",
		"queue nosuch":                          `unknown command "nosuch"`,
		"queue ls surplus":                      "",
		"queue purge":                           "accepts 1 arg(s)",
		"dead":                                  "which of its commands?",
		"dead retry":                            "which dead letters?",
		"dead rm --all":                         "--all needs a --queue",
		"dead rm --all --queue q a-1":           "--all stands for all ids",
		"dead rm --queue q a-1":                 "--queue is for --all",
		"worker --processes 0":                  "--processes 0",
		"worker --processes -3":                 "--processes -3",
		"worker --processes 5000":               "5000 worker processes",
		"worker --processes x":                  "--processes",
		"worker --queue a.b":                    "queue name",
		"worker --queue a,":                     "--queue: bad queue name",
		"worker --queue a,b,a":                  `--queue: queue "a" is named twice`,
		"worker --queue a=0":                    `--queue: queue "a" has the weight "0"; use 1 to 1000`,
		"worker --exec hash":                    "write NAME='COMMAND ARGUMENT...'",
		"worker --exec a:b=true":                "invalid func name",
		"worker --exec x=nosuchprogram":         `"nosuchprogram": executable file not found`,
		"worker --exec x,y=true":                "unknown option",
		"worker --exec echo=true":               "there is another func echo",
		"worker --exec-server x={}":             "the program cannot be",
		"serve --listen 4222":                   "--listen 4222",
		"serve --listen 127.0.0.1:nats":         "--listen 127.0.0.1:nats",
		"serve --listen 127.0.0.1:65536":        "--listen 127.0.0.1:65536",
		"serve --config x --store y":            "--config",
		"serve --listen 127.0.0.1:0 surplus":    "",
		"map echo --keep-order --unordered":     "--keep-order with --unordered",
		"map echo --keep-going --halt 2":        "--keep-going with --halt",
		"map echo --halt soon":                  "use never, a number of failures",
		"map echo --resume":                     "--resume needs the --joblog",
		"map echo --joblog=":                    "--joblog needs a file",
		"map echo --retries -1":                 "--retries -1",
		"map echo --attempts 2 --retries 1":     "--attempts with --retries",
		"submit echo --limit 1s --timeout 1s":   "--limit with --timeout",
		"submit echo --timeout 0s":              "--timeout 0s",
		"worker --memory-limit 1X":              "bytes like 512MiB",
		"worker --max-memory 0":                 "bytes like 512MiB",
		"worker --max-tasks -1":                 "may be negative",
		"worker --drain-timeout -1s":            "may be negative",
		"host":                                  "which of its commands?",
		"host ls surplus":                       "",
		"host drain":                            "accepts 1 arg(s)",
		"host resize h":                         "accepts 2 arg(s)",
		"host resize h 0":                       "use 1 or more",
		"host kill h 1x":                        "1x is not a process id",
		"completion nosuch":                     "the shell must be",
		"completion":                            "accepts 1 arg(s)",
		"doctor now":                            "",
		"doctor --queue a.b":                    "queue name",
		"man":                                   "accepts 1 arg(s)",
		"dash surplus":                          "",
		"dash --listen 8080":                    "--listen 8080",
		"dash --listen :0 --allow-actions":      "add --viewer-password-file",
		"dash --viewer-password-file /dev/null": "first line is empty",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			run(t, strings.NewReader("1\n"), strings.Fields(line)...).requireFailure(t, 2, text)
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "nats://" + free.Addr().String()
	require.NoError(t, free.Close())
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	for name, test := range map[string]struct{ line, text string }{
		"worker without broker": {"worker --url " + nobody, "broker unreachable: " + nobody},
		"submit without broker": {"submit echo --url " + nobody, "broker unreachable: " + nobody},
		"dash without broker":   {"dash --listen 127.0.0.1:0 --url " + nobody, "broker unreachable: " + nobody},
		"queue without broker":  {"queue ls --url " + nobody, "broker unreachable: " + nobody},
		"bench without broker":  {"bench --url " + nobody, "broker unreachable: " + nobody},
		"map without broker":    {"map echo --url " + nobody, "broker unreachable: " + nobody},
		"port in use":           {"serve --listen " + taken.Addr().String() + " --store " + t.TempDir(), "address already in use"},
		"store is a file":       {"serve --listen 127.0.0.1:0 --store " + file, "cannot be used"},
		"no such configuration": {"serve --config " + file + ".conf", "file.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, strings.NewReader("1\n"), strings.Fields(test.line)...).requireFailure(t, 1, test.text)
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	got := run(t, nil, "--version")
	require.Zero(t, got.status, got.stderr)
	require.Regexp(t, `^muster \S+ \(go\S+, \w+/\w+\)\n$`, got.stdout)
	for _, command := range []string{
		"demo", "serve", "worker", "submit", "map", "result", "cancel",
		"queue", "queue ls", "queue info", "queue pause", "queue resume", "queue purge",
		"dead", "dead ls", "dead show", "dead retry", "dead rm", "top", "bench", "doctor", "completion",
		"host", "host ls", "host info", "host drain", "host resize", "host kill",
	} {
		got := run(t, nil, append(strings.Fields(command), "--help")...)
		require.Zero(t, got.status, got.stderr)
		require.Contains(t, got.stdout, "muster "+command)
		require.Empty(t, got.stderr)
	}
}

func TestServeWithToken(t *testing.T) {
	t.Parallel()
	cmd := muster(t, "serve", "--listen", ":0", "--store", t.TempDir())
	cmd.Env = append(cmd.Env, "MUSTER_TOKEN=s3cret")
	url := startService(t, serveReady, cmd).ready[1]
	require.Contains(t, url, "***@")
	run(t, nil, "submit", "echo", "--url", strings.Replace(url, "***@", "", 1)).requireFailure(t, 1, "broker refused the credential")
	url = strings.Replace(url, "***", "s3cret", 1)
	startWorker(t, url, "--processes", "1")
	require.Equal(t, ended{stdout: "7\n"}, run(t, nil, "submit", "echo", "7", "--url", url))
}

func TestServeWarnsWithoutCredential(t *testing.T) {
	t.Parallel()
	startService(t, regexp.MustCompile(`^muster: warning: whoever reaches 0\.0\.0\.0 can run tasks`),
		muster(t, "serve", "--listen", ":0", "--store", t.TempDir()))
}

func TestServeConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "nats.conf")
	text := "listen: 127.0.0.1:-1\njetstream { store_dir: \"" + dir + "\" }\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	ready := regexp.MustCompile(`^muster: broker ready at (\S+), configuration \S+$`)
	url := startService(t, ready, muster(t, "serve", "--config", file)).ready[1]
	run(t, nil, "worker", "--url", url, "--queue", "a b").requireFailure(t, 2, "queue name")
}
