package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

// connect connects to the broker, or says why it cannot.
func (e *examination) connect(ctx context.Context) bool {
	url, who, err := broker.Resolve(e.URL, e.Who)
	if err != nil {
		e.problem(CheckAddress, "", err.Error(), "name the broker with --url, or a NATS context that is there with --context")
		return false
	}
	shown := broker.Redact(url)
	e.ok(CheckAddress, "", "%s, from %s", shown, e.origin())
	e.nc, err = broker.Connect(ctx, broker.Config{URL: url, Credentials: who, Name: "muster doctor"})
	if err != nil {
		check, mend := explain(err)
		e.problem(check, "", err.Error(), mend)
		return false
	}
	began := time.Now()
	if err := e.nc.FlushWithContext(ctx); err != nil {
		e.problem(CheckBroker, "", fmt.Sprintf("%s does not answer: %v", shown, err), "see the broker's log")
		return false
	}
	secured := "without TLS"
	if _, err := e.nc.TLSConnectionState(); err == nil {
		secured = "with TLS"
	}
	e.ok(CheckBroker, "", "%s answers in %v, %s", shown, time.Since(began).Round(10*time.Microsecond), secured)
	e.ok(CheckCredential, "", "accepted")
	return true
}

// origin tells what names the broker.
func (e *examination) origin() string {
	named := cmp.Or(e.Who.Context, login.FromEnvironment().Context)
	switch {
	case e.URL != "":
		return "--url"
	case e.Who.Context == "" && os.Getenv("MUSTER_URL") != "":
		return "MUSTER_URL"
	case e.Who.Context == "" && os.Getenv("NATS_URL") != "":
		return "NATS_URL"
	case named != "":
		return "NATS context " + named
	}
	if name, err := broker.SelectedContext(); err == nil && name != "" {
		return "NATS context " + name
	}
	return "the default, since nothing names another"
}

// explain tells what the failure of a connect is about, and the mend.
func explain(err error) (check Check, mend string) {
	_, dns := errors.AsType[*net.DNSError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	switch {
	case errors.Is(err, broker.ErrURL):
		return CheckAddress, "write the URL like " + broker.DefaultURL
	case errors.Is(err, broker.ErrCredential), errors.Is(err, broker.ErrLogin):
		return CheckCredential, "give the right user and password or token, --creds, --nkey or --tlscert, or name a NATS context that has them"
	case authority:
		return CheckBroker, "TLS mismatch: name the authority that signs the broker's certificate with --tlsca"
	case hostname:
		return CheckBroker, "TLS mismatch: use a name in the URL that the broker's certificate is made out to"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return CheckBroker, "TLS mismatch: the broker has no TLS; write nats:// in the URL, or give the broker a certificate"
	case errors.Is(err, broker.ErrTLS):
		return CheckBroker, "TLS mismatch: compare the broker's tls block with the URL's scheme, --tlsca, --tlscert and --tlskey"
	case dns:
		return CheckBroker, "mend the host's name in the URL, or its entry in the DNS or /etc/hosts"
	case errors.Is(err, broker.ErrNotNATS):
		return CheckBroker, "use the port of the broker's clients, by default 4222"
	case errors.Is(err, syscall.ECONNREFUSED):
		return CheckBroker, "start a broker there, such as muster serve, or name another with --url or MUSTER_URL"
	}
	return CheckBroker, "is a firewall between? start a broker there, or name another with --url or MUSTER_URL"
}

// server checks the version.
func (e *examination) server() {
	if err := broker.CheckVersion(e.nc); err != nil {
		e.problem(CheckServer, "", "nats-server is too old: it is version "+e.nc.ConnectedServerVersion(),
			"upgrade it to "+broker.MinServer+" or later")
		return
	}
	cluster := "on its own"
	if name := e.nc.ConnectedClusterName(); name != "" {
		cluster = "in cluster " + name
	}
	e.ok(CheckServer, "", "nats-server %s, %s", e.nc.ConnectedServerVersion(), cluster)
}
