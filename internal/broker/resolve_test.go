package broker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

// configHome sets the environment up so that only what the test writes counts.
func configHome(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("MUSTER_URL", "")
	t.Setenv("NATS_URL", "")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nats", "context"), 0o700))
	return filepath.Join(dir, "nats")
}

func write(t *testing.T, path, text string) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestResolveInOrder(t *testing.T) {
	dir := configHome(t)
	resolve := func(flag, want string) {
		url, _, err := broker.Resolve(flag, login.Credentials{})
		require.NoError(t, err)
		require.Equal(t, want, url)
	}
	resolve("", broker.DefaultURL)
	write(t, filepath.Join(dir, "context.txt"), "lab\n")
	write(t, filepath.Join(dir, "context", "lab.json"), `{"url":"nats://lab"}`)
	resolve("", "nats://lab")
	t.Setenv("NATS_URL", "nats://natsenv")
	resolve("", "nats://natsenv")
	t.Setenv("MUSTER_URL", "nats://musterenv")
	resolve("", "nats://musterenv")
	resolve("nats://flag", "nats://flag")
}

func TestResolveReadsTheContext(t *testing.T) {
	dir := configHome(t)
	write(t, filepath.Join(dir, "context.txt"), "lab")
	creds := filepath.Join(dir, "lab.creds")
	write(t, creds, "")
	write(t, filepath.Join(dir, "context", "lab.json"),
		`{"description":"x","user":"u","password":"p","token":"t","creds":"`+creds+`","inbox_prefix":"_INBOX_lab"}`)
	url, who, err := broker.Resolve("", login.Credentials{})
	require.NoError(t, err)
	require.Equal(t, broker.DefaultURL, url)
	require.Equal(t, login.Credentials{User: "u", Password: "p", Token: "t", Creds: creds, InboxPrefix: "_INBOX_lab"}, who)
}

// What is said in one place, of who a program is, is not mixed with another's.
func TestResolveCredentialsInOrder(t *testing.T) {
	dir := configHome(t)
	write(t, filepath.Join(dir, "context", "lab.json"), `{"url":"nats://lab","nkey":"/lab.nk","ca":"/lab.pem"}`)
	for _, test := range []struct {
		name, url   string
		given       login.Credentials
		environment map[string]string
		wantURL     string
		want        login.Credentials
	}{
		{name: "nothing", wantURL: broker.DefaultURL},
		{name: "a named context", given: login.Credentials{Context: "lab"}, environment: map[string]string{"NATS_URL": "nats://env"},
			wantURL: "nats://lab", want: login.Credentials{NKey: "/lab.nk", CA: "/lab.pem", Context: "lab"}},
		{name: "a context from the environment", environment: map[string]string{"NATS_CONTEXT": "lab"},
			wantURL: "nats://lab", want: login.Credentials{NKey: "/lab.nk", CA: "/lab.pem", Context: "lab"}},
		{name: "given goes first", url: "nats://x", given: login.Credentials{User: "u", Context: "lab"},
			environment: map[string]string{"NATS_CREDS": "/env.creds", "NATS_CA": "/env.pem", "MUSTER_GROUP": "billing"},
			wantURL:     "nats://x", want: login.Credentials{User: "u", CA: "/env.pem", Group: "billing", Context: "lab"}},
		{name: "ours before NATS's", url: "nats://x", environment: map[string]string{"NATS_CREDS": "/nats.creds", "MUSTER_CREDS": "/ours.creds"},
			wantURL: "nats://x", want: login.Credentials{Creds: "/ours.creds"}},
		{name: "a password for the user given", url: "nats://x", given: login.Credentials{User: "u"},
			environment: map[string]string{"NATS_USER": "u", "NATS_PASSWORD": "p"},
			wantURL:     "nats://x", want: login.Credentials{User: "u", Password: "p"}},
		{name: "another user's password", url: "nats://x", given: login.Credentials{User: "u"},
			environment: map[string]string{"NATS_USER": "v", "NATS_PASSWORD": "p"},
			wantURL:     "nats://x", want: login.Credentials{User: "u"}},
		{name: "a whole URL given", url: "nats://u:p@x", environment: map[string]string{"NATS_CREDS": "/env.creds", "NATS_CA": "/env.pem"},
			wantURL: "nats://u:p@x"},
		{name: "a whole URL from the environment", environment: map[string]string{"NATS_URL": "tls://u:p@x", "NATS_CREDS": "/env.creds", "NATS_CA": "/env.pem"},
			wantURL: "tls://u:p@x", want: login.Credentials{CA: "/env.pem"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			url, who, err := broker.Resolve(test.url, test.given)
			require.NoError(t, err)
			require.Equal(t, test.wantURL, url)
			require.Equal(t, test.want, who)
		})
	}
}

func TestDialUsesTheContext(t *testing.T) {
	dir := configHome(t)
	s := startServer(t, broker.ServerConfig{Token: "secret"})
	write(t, filepath.Join(dir, "context.txt"), "lab")
	write(t, filepath.Join(dir, "context", "lab.json"), `{"url":"nats://`+s.URL()[len("nats://secret@"):]+`","token":"secret"}`)
	nc, err := broker.Dial(t.Context(), "", broker.Config{})
	require.NoError(t, err)
	nc.Close()
	write(t, filepath.Join(dir, "context.txt"), "gone")
	_, err = broker.Dial(t.Context(), "", broker.Config{})
	require.ErrorIs(t, err, broker.ErrContext)
}

func TestResolveReportsABadContext(t *testing.T) {
	dir := configHome(t)
	for name, text := range map[string]string{"gone": "", "broken": "{"} {
		write(t, filepath.Join(dir, "context.txt"), name)
		if text != "" {
			write(t, filepath.Join(dir, "context", name+".json"), text)
		}
		_, _, err := broker.Resolve("", login.Credentials{})
		require.ErrorIs(t, err, broker.ErrContext)
		require.ErrorContains(t, err, name)
	}
	write(t, filepath.Join(dir, "context.txt"), "../up")
	_, _, err := broker.Resolve("", login.Credentials{})
	require.ErrorIs(t, err, broker.ErrContext)
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"nats://host:4222":                 "nats://host:4222",
		"nats://u:p@host:4222":             "nats://***@host:4222",
		"nats://t0ken@host":                "nats://***@host",
		"u:p@host":                         "***@host",
		"nats://u:p@a:1,tls://v:w@b:2,c:3": "nats://***@a:1,tls://***@b:2,c:3",
		"nats://u:p/a@ss@host/x":           "nats://***@host/x",
		"":                                 "",
	} {
		require.Equal(t, want, broker.Redact(url))
	}
}

func TestLoginThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	there := filepath.Join(t.TempDir(), "there")
	write(t, there, "nothing of use")
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	seedFile := filepath.Join(t.TempDir(), "user.nk")
	write(t, seedFile, string(seed))
	for name, who := range map[string]login.Credentials{
		"no creds": {Creds: "/nowhere"}, "creds that are none": {Creds: there}, "a seed for creds": {Creds: seedFile}, "no seed": {NKey: "/nowhere"}, "a seed that is none": {NKey: there},
		"a key alone": {Key: there}, "a certificate alone": {Cert: there}, "no CA": {CA: "/nowhere"}, "a CA that is none": {CA: there},
		"a certificate that is none": {Cert: there, Key: there},
	} {
		_, err := broker.Connect(t.Context(), broker.Config{Credentials: who})
		require.ErrorIs(t, err, broker.ErrLogin, name)
		require.NotContains(t, err.Error(), "nothing of use", name)
		require.NotContains(t, err.Error(), string(seed), name)
	}
}
