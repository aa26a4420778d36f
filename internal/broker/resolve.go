package broker

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/musterfleet/muster/login"
)

// Resolve finds the broker to use and who to be there. The URL is the one given,
// else the environment's MUSTER_URL, else NATS_URL, else that of a NATS context,
// else [DefaultURL]. The credentials are those given, then the environment's
// (login.FromEnvironment), then those of the context: the one that is named, or
// else the one selected with the nats command if there is no URL.
//
// A URL with a user or token in it is taken for all that is to be said of that; if
// it is given so, and no credentials are, nothing else is looked at. The errors are
// [ErrContext] and [ErrLogin].
func Resolve(given string, who login.Credentials) (string, login.Credentials, error) {
	if identifies(given) && who == (login.Credentials{}) {
		return given, who, nil
	}
	c := who.Or(login.FromEnvironment())
	name, at := c.Context, given
	if who.Context == "" {
		at = cmp.Or(at, os.Getenv("MUSTER_URL"), os.Getenv("NATS_URL"))
	}
	if name == "" && at == "" {
		var err error
		if name, err = SelectedContext(); err != nil {
			return "", c, err
		}
	}
	if name != "" {
		context, err := readContext(name)
		if err != nil {
			return "", c, err
		}
		at, c = cmp.Or(at, context.URL), c.Or(context.Credentials)
	}
	if identifies(at) && !who.Identifies() {
		c = c.Anonymous()
	}
	c, err := absolute(c)
	return cmp.Or(at, DefaultURL), c, err
}

// identifies reports whether a URL has a user or token in it.
func identifies(urls string) bool { return strings.Contains(urls, "@") }

// natsContext is what Muster honours of the nats command's context files.
type natsContext struct {
	URL string `json:"url"`
	login.Credentials
}

// SelectedContext returns the name of the NATS context to use when none is named; none
// if there is none. Its error is [ErrContext].
func SelectedContext() (string, error) {
	dir, err := contextDir()
	if err != nil {
		return "", nil // no home, hence no contexts
	}
	selected, err := os.ReadFile(filepath.Join(dir, "context.txt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %w", ErrContext, err)
	}
	return strings.TrimSpace(string(selected)), nil
}

func readContext(name string) (c natsContext, err error) {
	if name != filepath.Base(name) {
		return c, fmt.Errorf("%w %q: not a name: select another with: nats context select", ErrContext, name)
	}
	dir, err := contextDir()
	var text []byte
	if err == nil {
		text, err = os.ReadFile(filepath.Join(dir, "context", name+".json"))
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fmt.Errorf("%w %q: %w: select another with: nats context select", ErrContext, name, err)
	}
	return c, nil
}

func contextDir() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nats"), nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".config", "nats"), err
}

// absolute makes the names of files hold wherever they are read.
func absolute(c login.Credentials) (login.Credentials, error) {
	for _, path := range []*string{&c.Creds, &c.NKey, &c.Cert, &c.Key, &c.CA} {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(expandHome(*path))
		if err != nil {
			return c, fmt.Errorf("%w: %s: %w", ErrLogin, *path, err)
		}
		*path = full
	}
	return c, nil
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
