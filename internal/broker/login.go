package broker

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/musterfleet/muster/login"
)

// loginOptions returns the options of a connection with credentials. The error is
// [ErrLogin], and names the file that cannot be used.
func loginOptions(c login.Credentials) (opts []nats.Option, err error) {
	for _, path := range []string{c.Creds, c.NKey, c.Cert, c.Key, c.CA} {
		if path == "" {
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLogin, err)
		}
		file.Close()
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, fmt.Errorf("%w: a certificate and its key belong together: give both", ErrLogin)
	}
	if c.User != "" {
		opts = append(opts, nats.UserInfo(c.User, c.Password))
	}
	if c.Token != "" {
		opts = append(opts, nats.Token(c.Token))
	}
	if c.Creds != "" {
		if err := checkCreds(c.Creds); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLogin, err)
		}
		opts = append(opts, nats.UserCredentials(c.Creds))
	}
	if c.NKey != "" {
		nkey, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, fmt.Errorf("%w: the file %s has no seed of a user's NKey", ErrLogin, c.NKey)
		}
		opts = append(opts, nkey)
	}
	if c.Cert != "" {
		opts = append(opts, checked(nats.ClientCert(c.Cert, c.Key)))
	}
	if c.CA != "" {
		opts = append(opts, checked(nats.RootCAs(c.CA)))
	}
	if prefix := inboxPrefix(c); prefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(prefix))
	}
	return opts, nil
}

// checkCreds looks whether a file is one of credentials. The client library sends a
// file without a JWT to the broker as it is, even if it holds somebody's seed.
func checkCreds(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defer clear(text)
	jwt, err := nkeys.ParseDecoratedJWT(text)
	if err == nil {
		_, err = nkeys.ParseDecoratedUserNKey(text)
	}
	if err != nil || strings.Count(jwt, ".") != 2 || len(strings.Fields(jwt)) != 1 {
		return fmt.Errorf("the file %s has no JWT and seed of a user", path)
	}
	return nil
}

// checked has an option's error be [ErrLogin].
func checked(option nats.Option) nats.Option {
	return func(o *nats.Options) error {
		if err := option(o); err != nil {
			return fmt.Errorf("%w: %w", ErrLogin, errors.Unwrap(err))
		}
		return nil
	}
}

func inboxPrefix(c login.Credentials) string {
	if c.InboxPrefix == "" && c.Group != "" {
		return "_INBOX_" + c.Group
	}
	return c.InboxPrefix
}
