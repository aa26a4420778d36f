package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/login"
)

// connection is the flags that say which broker, and who to be there. There are
// none for a password or a token, since anybody can read a program's arguments.
type connection struct {
	url          string
	who          login.Credentials
	passwordFile string
}

func (c *connection) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.url, "url", "",
		"broker; else MUSTER_URL, NATS_URL, the NATS context, or nats://127.0.0.1:4222")
	flags.StringVar(&c.who.Context, "context", "", "`NAME` of a NATS context; else NATS_CONTEXT, or if there is no URL the selected one")
	flags.StringVar(&c.who.Creds, "creds", "", "`FILE` with the user's credentials; else NATS_CREDS")
	flags.StringVar(&c.who.NKey, "nkey", "", "`FILE` with the seed of the user's NKey; else NATS_NKEY")
	flags.StringVar(&c.who.User, "user", "", "`NAME` of the user; else NATS_USER, with NATS_PASSWORD; a token is in NATS_TOKEN")
	flags.StringVar(&c.passwordFile, "password-file", "", "`FILE` with the user's password; else NATS_PASSWORD")
	flags.StringVar(&c.who.Cert, "tlscert", "", "`FILE` with a certificate to show the broker; else NATS_CERT")
	flags.StringVar(&c.who.Key, "tlskey", "", "`FILE` with the certificate's private key; else NATS_KEY")
	flags.StringVar(&c.who.CA, "tlsca", "", "`FILE` with who signs the broker's certificate; else NATS_CA")
	flags.StringVar(&c.who.Group, "group", "", "`NAME` of the group that the user's permissions are for; else MUSTER_GROUP")
	flags.StringVar(&c.who.InboxPrefix, "inbox-prefix", "", "`PREFIX` of the subjects of answers; else that of the group")
}

// read reads what the flags point to.
func (c *connection) read() (err error) {
	if c.passwordFile != "" {
		c.who.Password, err = readPassword(c.who.User, c.passwordFile)
	}
	return err
}

// readPassword reads a user's password, if there is a file.
func readPassword(user, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	if user == "" {
		return "", usage("--password-file needs --user")
	}
	password, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading --password-file: %w", err)
	}
	return strings.TrimRight(string(password), "\r\n"), nil
}
