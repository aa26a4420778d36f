package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
)

// ResolveURL finds the broker to use: flag, else the environment's MUSTER_URL,
// else NATS_URL, else the NATS context selected with the nats command, else
// [DefaultURL]. The options carry what a context has beside a URL, such as the
// credential; they belong in [Config].Options. The error is [ErrContext].
func ResolveURL(flag string) (url string, opts []nats.Option, err error) {
	for _, url := range []string{flag, os.Getenv("MUSTER_URL"), os.Getenv("NATS_URL")} {
		if url != "" {
			return url, nil, nil
		}
	}
	return selectedContext()
}

// natsContext is what Muster honours of the nats command's context files.
type natsContext struct {
	URL         string `json:"url"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Token       string `json:"token"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	InboxPrefix string `json:"inbox_prefix"`
}

func selectedContext() (string, []nats.Option, error) {
	dir, err := contextDir()
	if err != nil {
		return DefaultURL, nil, nil // no home, hence no contexts
	}
	selected, err := os.ReadFile(filepath.Join(dir, "context.txt"))
	name := strings.TrimSpace(string(selected))
	if errors.Is(err, fs.ErrNotExist) || err == nil && name == "" {
		return DefaultURL, nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrContext, err)
	}
	if name != filepath.Base(name) {
		return "", nil, fmt.Errorf("%w %q: not a name: select another with: nats context select", ErrContext, name)
	}
	var c natsContext
	text, err := os.ReadFile(filepath.Join(dir, "context", name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w %q: %w: select another with: nats context select", ErrContext, name, err)
	}
	opts, err := c.options()
	if err != nil {
		return "", nil, fmt.Errorf("%w %q: %w", ErrContext, name, err)
	}
	if c.URL == "" {
		c.URL = DefaultURL
	}
	return c.URL, opts, nil
}

func contextDir() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nats"), nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".config", "nats"), err
}

func (c natsContext) options() (opts []nats.Option, err error) {
	if c.User != "" {
		opts = append(opts, nats.UserInfo(c.User, c.Password))
	}
	if c.Token != "" {
		opts = append(opts, nats.Token(c.Token))
	}
	if c.Creds != "" {
		opts = append(opts, nats.UserCredentials(expandHome(c.Creds)))
	}
	if c.NKey != "" {
		nkey, err := nats.NkeyOptionFromSeed(expandHome(c.NKey))
		if err != nil {
			return nil, fmt.Errorf("nkey: %w", err)
		}
		opts = append(opts, nkey)
	}
	if c.Cert != "" || c.Key != "" {
		opts = append(opts, nats.ClientCert(expandHome(c.Cert), expandHome(c.Key)))
	}
	if c.CA != "" {
		opts = append(opts, nats.RootCAs(expandHome(c.CA)))
	}
	if c.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	return opts, nil
}

func expandHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
