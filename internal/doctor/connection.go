package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
)

// connect connects to the broker, or says why it cannot.
func (e *examination) connect(ctx context.Context) bool {
	url, options, err := broker.ResolveURL(e.URL)
	if err != nil {
		e.problem(CheckAddress, "", err.Error(), "name the broker with --url, or select another context with: nats context select")
		return false
	}
	shown := broker.Redact(url)
	e.ok(CheckAddress, "", "%s, from %s", shown, e.origin())
	options = append(options, e.NATS...)
	e.nc, err = broker.Connect(ctx, broker.Config{
		URL: url, Name: "muster doctor",
		Options: append(options, nats.ErrorHandler(e.refusals.hear), nats.PermissionErrOnSubscribe(true)),
	})
	if err != nil {
		check, mend := explain(err, url)
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
	switch {
	case e.URL != "":
		return "--url"
	case os.Getenv("MUSTER_URL") != "":
		return "MUSTER_URL"
	case os.Getenv("NATS_URL") != "":
		return "NATS_URL"
	}
	if name := broker.SelectedContext(); name != "" {
		return "NATS context " + name
	}
	return "the default, since nothing names another"
}

// explain tells what the failure of a connect is about, and the mend.
func explain(err error, url string) (check Check, mend string) {
	text := err.Error()
	_, dns := errors.AsType[*net.DNSError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, broker.ErrURL):
		return CheckAddress, "write the URL like " + broker.DefaultURL
	case errors.Is(err, broker.ErrCredential):
		return CheckCredential, "give the right user and password or token in the URL, or select a NATS context that has them"
	case dns:
		return CheckBroker, "mend the host's name in the URL, or its entry in the DNS or /etc/hosts"
	case authority:
		return CheckBroker, "TLS mismatch: trust the authority that signed the broker's certificate: name it as ca of the NATS context, or in SSL_CERT_FILE"
	case hostname:
		return CheckBroker, "TLS mismatch: use a name in the URL that the broker's certificate is made out to"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return CheckBroker, "TLS mismatch: the broker has no TLS; write nats:// in the URL, or give the broker a certificate"
	case header, strings.Contains(text, "tls: "), strings.Contains(text, "x509: "):
		return CheckBroker, "TLS mismatch: compare the broker's tls block with the URL's scheme and the certificates of the NATS context"
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
		e.old = true
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
