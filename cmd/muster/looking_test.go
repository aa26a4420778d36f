package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A command that only looks, or that has nothing to change, creates nothing on a server
// where nobody uses Muster, and says so.
func TestLookingCreatesNoStreams(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	const id = "k3xf9mq2l7zt4b6c-42"
	for line, want := range map[string]ended{
		"queue ls":                      {stderr: "muster: no Muster queues on this server\n"},
		"queue ls --json":               {stdout: "[]\n"},
		"queue info q":                  {stderr: "muster: no such queue: q\n", status: 1},
		"queue pause q":                 {stderr: "muster: no such queue: q\n", status: 1},
		"queue purge q --yes":           {stderr: "muster: no such queue: q\n", status: 1},
		"dead ls":                       {stderr: "muster: no Muster queues on this server\n"},
		"dead ls --json":                {stdout: "[]\n"},
		"dead show " + id:               {stderr: "muster: no such dead letter: " + id + "\n", status: 1},
		"dead rm " + id:                 {stderr: "muster: no such dead letter: " + id + "\n", status: 1},
		"dead rm --all --queue q --yes": {},
		"dead retry " + id:              {stderr: "muster: no such dead letter: " + id + "\n", status: 1},
		"host ls":                       {stderr: "muster: no Muster queues on this server\n"},
		"host ls --json":                {stdout: "[]\n"},
		"host info h":                   {stderr: "muster: no such host: h\n", status: 1},
		"schedule ls":                   {stderr: "muster: no Muster queues on this server\n"},
		"schedule ls --json":            {stdout: "[]\n"},
		"schedule rm nightly":           {},
		"result --no-wait " + id:        {stderr: "muster: there is no outcome of task " + id + "\n", status: 1},
		"result --timeout 10ms " + id:   {stderr: "muster: there is no outcome of task " + id + " after 10ms\n", status: 1},
		"top --once":                    {},
		"cancel " + id:                  {status: 1},
		"doctor":                        {status: 0},
	} {
		got := run(t, nil, append(strings.Fields(line), "--url", url)...)
		switch {
		case strings.HasPrefix(line, "top"), strings.HasPrefix(line, "doctor"):
			require.Zero(t, got.status, got.stderr)
			continue
		case strings.HasPrefix(line, "cancel"):
			require.Equal(t, 1, got.status, got.stderr)
			require.Contains(t, got.stderr, "there are no Muster queues on this server")
			continue
		case strings.HasSuffix(line, "ls"): // a table without rows
			require.Equal(t, 1, strings.Count(got.stdout, "\n"), line)
			got.stdout = ""
		}
		require.Equal(t, want, got, line)
	}
	startService(t, dashReady, muster(t, "dash", "--listen", "127.0.0.1:0", "--allow-actions", "--url", url))
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for name := range js.StreamNames(t.Context()).Name() {
		require.Fail(t, "a command has created stream "+name)
	}
}
