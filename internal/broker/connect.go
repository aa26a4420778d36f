package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/login"
)

const (
	connectTimeout = 5 * time.Second
	dialTimeout    = 2 * time.Second // of each attempt to reconnect

	// With these a peer that vanished without a word is noticed in 30 s.
	pingInterval        = 10 * time.Second
	maxPingsOutstanding = 2

	maxReconnectDelay = 2 * time.Second
)

// Config says how to connect to a broker.
type Config struct {
	URL         string // as for nats.Connect: one URL or several with commas; default [DefaultURL]
	Name        string // what the broker's monitoring shows
	Credentials login.Credentials
	Logger      *slog.Logger // hears of disconnects and asynchronous errors; default: nobody
	// Refused, unless nil, hears which subjects the broker does not permit to publish or
	// subscribe to.
	Refused func(subject string)
	Options []nats.Option // applied last, so that they win
}

// Connect connects to a broker. The first connect is made within ctx or 5
// seconds, and fails with one line that names the URL without its credential,
// the cause and the mend: [ErrURL], [ErrUnreachable], [ErrCredential],
// [ErrNotNATS], [ErrTLS], or [ErrLogin] for credentials that cannot be used. Once
// connected, the connection is kept up for ever, however often and however long the
// broker goes away, until it is closed.
//
// While the broker is away, publishing fails with nats.ErrReconnectBufExceeded
// at once: nothing is buffered, because what must not be lost is sent again by
// those who know its fate, and the rest would be stale.
func Connect(ctx context.Context, cfg Config) (*nats.Conn, error) {
	if cfg.URL == "" {
		cfg.URL = DefaultURL
	}
	if err := checkURL(cfg.URL); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()

	d := &dialer{first: ctx}
	who, err := loginOptions(cfg.Credentials)
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(cfg.URL, cfg.options(d, who)...)
	if cause := d.connected(); err != nil {
		return nil, explain(ctx, Redact(cfg.URL), err, cause)
	}
	return nc, nil
}

func (cfg Config) options(d *dialer, who []nats.Option) []nats.Option {
	opts := []nats.Option{
		nats.Name(cfg.Name),
		nats.SetCustomDialer(d),
		nats.SkipHostLookup(), // the dialer looks up, within its context
		nats.Timeout(connectTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPingsOutstanding),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a broker that is being set up anew may refuse for a while
		nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectBufSize(-1),
		// A write that is stuck or fails has lost messages: connecting again
		// is how everybody learns of it.
		nats.FlusherTimeout(pingInterval),
		nats.ReconnectOnFlusherError(),
	}
	opts = append(opts, who...)
	opts = append(opts, logOptions(cfg.Logger, cfg.Refused)...)
	return append(opts, cfg.Options...)
}

// reconnectDelay is how long to wait before the n-th round of attempts: none
// before the first, then doubling, and never all clients at the same time.
func reconnectDelay(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	ceiling := min(50*time.Millisecond<<min(n-2, 10), maxReconnectDelay)
	return ceiling/2 + rand.N(ceiling/2)
}

func logOptions(log *slog.Logger, refused func(subject string)) []nats.Option {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return []nats.Option{
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if r := refusalIn(err); r != nil && refused != nil {
				refused(r.subject)
			}
			if sub != nil {
				log.Error("broker error", "subject", sub.Subject, "err", err)
				return
			}
			if r := refusalIn(err); r != nil && concerns(apiPrefix, r.subject) {
				log.Debug("broker error", "err", err) // whoever asked reports it, or goes on without
				return
			}
			log.Error("broker error", "err", err)
		}),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil { // nil when we closed it
				log.Warn("broker disconnected", "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("broker reconnected", "url", Redact(nc.ConnectedUrl()))
		}),
		nats.LameDuckModeHandler(func(nc *nats.Conn) {
			log.Info("broker is about to stop", "url", Redact(nc.ConnectedUrl()))
		}),
	}
}

// dialer bounds the first connect, name look-up and handshake included, by a
// context, and remembers why dialling failed, which the client library does
// not tell.
type dialer struct {
	first context.Context

	mu        sync.Mutex
	done      bool // with the first connect
	cause     error
	unwatches []func() bool
	last      net.Conn
}

// Dial is called by the client library.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	again, last := d.done, d.last
	d.last = nil
	d.mu.Unlock()
	if last != nil {
		last.Close() // the library forgets a connection whose handshake failed
	}
	if again {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).Dial(network, address)
		d.keep(conn)
		return conn, err
	}
	conn, err := (&net.Dialer{}).DialContext(d.first, network, address)
	d.keep(conn)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		d.cause = err
		return nil, err
	case !d.done: // it may have been lost, and dialled again, before Connect returned
		d.unwatches = append(d.unwatches, context.AfterFunc(d.first, func() { conn.Close() }))
	}
	return conn, nil
}

// keep remembers the latest connection; conn is nil if there is none.
func (d *dialer) keep(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = conn
}

// connected ends the first connect, and returns why dialling failed, if it did.
func (d *dialer) connected() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = true
	for _, unwatch := range d.unwatches {
		unwatch()
	}
	return d.cause
}

// explain turns the failure of the first connect into one line.
func explain(ctx context.Context, url string, err, dialErr error) error {
	switch {
	case errors.Is(err, ErrLogin):
		return err
	case isTLS(err), isTLS(dialErr):
		return fmt.Errorf("%w: %s: %w: is --tlsca the authority of the broker's certificate, and does the broker want a certificate (--tlscert, --tlskey)?", ErrTLS, url, err)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired),
		errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return fmt.Errorf("%w: %s: %w: give the right user and password or token, --creds, --nkey or --tlscert, or name a NATS context", ErrCredential, url, err)
	case errors.Is(err, nats.ErrNoInfoReceived), errors.Is(err, nats.ErrJsonParse):
		return fmt.Errorf("%w: %s: %w: is the port right?", ErrNotNATS, url, err)
	case ctx.Err() != nil:
		err = fmt.Errorf("no answer: %w", context.Cause(ctx))
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF):
		err = fmt.Errorf("connected, but no greeting: %w", err)
	case errors.Is(err, nats.ErrNoServers) && dialErr != nil:
		err = dialErr
	}
	return fmt.Errorf("%w: %s: %w: start a broker there (muster serve), or name another with --url or MUSTER_URL", ErrUnreachable, url, err)
}

// isTLS reports whether an error is that of a TLS handshake.
func isTLS(err error) bool {
	if errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) || errors.Is(err, nats.ErrTLS) {
		return true
	}
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return verification || header || alert || err != nil && strings.Contains(err.Error(), "tls: ")
}
