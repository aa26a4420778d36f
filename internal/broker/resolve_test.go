package broker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
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

func TestResolveURLInOrder(t *testing.T) {
	dir := configHome(t)
	resolve := func(flag, want string) {
		url, _, err := broker.ResolveURL(flag)
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

func TestResolveURLReadsTheContext(t *testing.T) {
	dir := configHome(t)
	write(t, filepath.Join(dir, "context.txt"), "lab")
	creds := filepath.Join(dir, "lab.creds")
	write(t, creds, "")
	write(t, filepath.Join(dir, "context", "lab.json"),
		`{"description":"x","user":"u","password":"p","token":"t","creds":"`+creds+`","inbox_prefix":"_INBOX_lab"}`)
	url, opts, err := broker.ResolveURL("")
	require.NoError(t, err)
	require.Equal(t, broker.DefaultURL, url)
	have := nats.GetDefaultOptions()
	for _, opt := range opts {
		require.NoError(t, opt(&have))
	}
	require.Equal(t, []string{"u", "p", "t", "_INBOX_lab"}, []string{have.User, have.Password, have.Token, have.InboxPrefix})
	require.NotNil(t, have.UserJWT)
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

func TestResolveURLReportsABadContext(t *testing.T) {
	dir := configHome(t)
	for name, text := range map[string]string{"gone": "", "broken": "{", "nokey": `{"nkey":"/nowhere"}`} {
		write(t, filepath.Join(dir, "context.txt"), name)
		if text != "" {
			write(t, filepath.Join(dir, "context", name+".json"), text)
		}
		_, _, err := broker.ResolveURL("")
		require.ErrorIs(t, err, broker.ErrContext)
		require.ErrorContains(t, err, name)
	}
	write(t, filepath.Join(dir, "context.txt"), "../up")
	_, _, err := broker.ResolveURL("")
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
