// Package login holds what tells a broker who a program is: files and names for
// the most part, so that it can be written into flags and configuration.
package login

import (
	"cmp"
	"log/slog"
	"os"
	"strings"
)

// Credentials say who a client, a worker host or an operator is to the broker, and
// how it knows the broker for the right one. The zero value takes what the
// environment says: see [FromEnvironment]. The JSON names are those of the NATS
// command's context files.
//
// A Credentials prints without its secrets. Worker processes do not have it.
type Credentials struct {
	// At most one of these three ways to say who it is.

	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty"`
	Creds    string `json:"creds,omitempty"` // file with a user's JWT and seed
	NKey     string `json:"nkey,omitempty"`  // file with a user's seed

	Cert string `json:"cert,omitempty"` // file with this program's certificate, for mutual TLS
	Key  string `json:"key,omitempty"`  // file with the certificate's private key
	CA   string `json:"ca,omitempty"`   // file with the authorities that sign the broker's certificate

	// Group is the first part of the names of clients, and so a token of their
	// subjects, for which the broker's permissions can be given: 1 to 32 lower-case
	// letters and digits. See docs/security.md.
	Group string `json:"muster_group,omitempty"`
	// InboxPrefix is where answers come to; "_INBOX_" and the group if there is one,
	// and else "_INBOX".
	InboxPrefix string `json:"inbox_prefix,omitempty"`

	// Context names a context of the NATS command, which says what is not said here.
	Context string `json:"-"`
}

// FromEnvironment returns the credentials that the environment has: MUSTER_USER,
// MUSTER_PASSWORD, MUSTER_TOKEN, MUSTER_CREDS, MUSTER_NKEY, MUSTER_CERT, MUSTER_KEY,
// MUSTER_CA, MUSTER_GROUP, MUSTER_INBOX_PREFIX and MUSTER_CONTEXT, and of those that
// are not set the same with NATS_ in place of MUSTER_.
func FromEnvironment() Credentials {
	return fromEnvironment("MUSTER_").Or(fromEnvironment("NATS_"))
}

func fromEnvironment(prefix string) Credentials {
	get := func(name string) string { return os.Getenv(prefix + name) }
	return Credentials{
		User: get("USER"), Password: get("PASSWORD"), Token: get("TOKEN"), Creds: get("CREDS"), NKey: get("NKEY"),
		Cert: get("CERT"), Key: get("KEY"), CA: get("CA"),
		Group: get("GROUP"), InboxPrefix: get("INBOX_PREFIX"), Context: get("CONTEXT"),
	}
}

// Conceal returns an environment without what could be a credential, or lead to one:
// for processes that have no business with the broker.
func Conceal(environment []string) []string {
	var rest []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		_, what, _ := strings.Cut(name, "_")
		if strings.HasPrefix(name, "MUSTER_") || strings.HasPrefix(name, "NATS_") {
			switch what {
			case "URL", "USER", "PASSWORD", "TOKEN", "CREDS", "NKEY", "CERT", "KEY", "CONTEXT":
				continue
			}
		}
		rest = append(rest, entry)
	}
	return rest
}

// Or returns c with what it does not say taken from other: who it is as a whole, as
// also a certificate with its key, and the rest one by one.
func (c Credentials) Or(other Credentials) Credentials {
	if !c.Identifies() {
		c.User, c.Password, c.Token, c.Creds, c.NKey = other.User, other.Password, other.Token, other.Creds, other.NKey
	} else if c.User != "" && c.User == other.User {
		c.Password = cmp.Or(c.Password, other.Password)
	}
	if c.Cert == "" && c.Key == "" {
		c.Cert, c.Key = other.Cert, other.Key
	}
	c.CA = cmp.Or(c.CA, other.CA)
	c.Group = cmp.Or(c.Group, other.Group)
	c.InboxPrefix = cmp.Or(c.InboxPrefix, other.InboxPrefix)
	c.Context = cmp.Or(c.Context, other.Context)
	return c
}

// Identifies reports whether c says who it is by more than a certificate.
func (c Credentials) Identifies() bool {
	return c.User != "" || c.Token != "" || c.Creds != "" || c.NKey != ""
}

// Anonymous returns c without what Identifies looks at.
func (c Credentials) Anonymous() Credentials {
	c.User, c.Password, c.Token, c.Creds, c.NKey = "", "", "", "", ""
	return c
}

// String returns c as text, fit to be shown: its secrets are "***".
func (c Credentials) String() string {
	if c.Password != "" {
		c.Password = "***"
	}
	if c.Token != "" {
		c.Token = "***"
	}
	var parts []string
	for _, field := range []struct{ name, value string }{
		{"user", c.User}, {"password", c.Password}, {"token", c.Token}, {"creds", c.Creds}, {"nkey", c.NKey},
		{"cert", c.Cert}, {"key", c.Key}, {"ca", c.CA}, {"group", c.Group}, {"inbox_prefix", c.InboxPrefix}, {"context", c.Context},
	} {
		if field.value != "" {
			parts = append(parts, field.name+"="+field.value)
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// GoString is String, so that no way of printing shows a secret.
func (c Credentials) GoString() string { return "login.Credentials" + c.String() }

// LogValue is String, for structured logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
