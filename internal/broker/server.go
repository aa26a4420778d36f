package broker

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const readyTimeout = 10 * time.Second

// ServerConfig says how to run a broker inside this process.
type ServerConfig struct {
	Host       string // default 127.0.0.1: this machine only
	Port       int    // -1: any free port; 0: 4222
	StoreDir   string // where streams are kept; required without ConfigFile
	Token      string // what clients must present; empty: nothing
	User       string // who clients must be instead, with the password
	Password   string
	Cert, Key  string       // files: with them clients connect by TLS
	CA         string       // file: with it clients need a certificate that these authorities have signed
	SyncAlways bool         // fsync before every acknowledgement: survives power loss, much slower
	ConfigFile string       // a whole nats-server configuration; replaces all of the above
	Logger     *slog.Logger // the server's log, its notices as debug; default: nobody
}

// Server is a broker that runs inside this process.
type Server struct {
	ns    *server.Server
	url   string
	store *store
	log   *serverLog
	lost  chan error

	stop    func() // ends the watch of the store
	watched sync.WaitGroup
}

// StartServer starts a broker and returns when it serves clients and JetStream
// has recovered its streams. It holds the store directory until [Server.Shutdown],
// or until the process ends in any way. The error, [ErrStart], is one line with the
// cause and where possible the remedy, such as for a port in use, or for a store
// directory that cannot be written or, [ErrStoreHeld], has a broker already.
func StartServer(cfg ServerConfig) (_ *Server, err error) {
	s := &Server{lost: make(chan error, 1), log: newServerLog(cfg.Logger), stop: func() {}}
	defer func() {
		if err != nil {
			s.Shutdown()
			err = fmt.Errorf("%w: %w", ErrStart, err)
		}
	}()
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	if s.store, err = holdStore(storeDir(opts)); err != nil {
		return nil, err
	}
	if err := probePort(opts); err != nil {
		return nil, err
	}
	if s.ns, err = server.NewServer(opts); err != nil {
		return nil, err
	}
	// Start tells of its failures in no other way than the log.
	s.ns.SetLoggerV2(s.log, false, false, false)
	s.ns.Start() // returns when it listens
	if err := s.ready(opts); err != nil {
		return nil, err
	}
	s.url = clientURL(s.ns.Addr(), opts)
	stop := make(chan struct{})
	s.stop = sync.OnceFunc(func() { close(stop) })
	s.watched.Go(func() { s.store.watch(stop, s.lose) })
	return s, nil
}

// lose reports that the store is gone. The server goes on, but what it accepts is
// not safe.
func (s *Server) lose(err error) {
	s.log.log.Error(err.Error())
	s.lost <- err
}

// Lost returns a channel that gets an [ErrStoreLost] when the store directory is
// removed or replaced: the server goes on to acknowledge what it does not keep.
// It is noticed within seconds.
func (s *Server) Lost() <-chan error { return s.lost }

// Reload has the server take a changed configuration, and read its files again, such
// as a renewed certificate. Who is connected and still may be stays so. The error,
// [ErrReload], is one line; the server goes on with the old configuration then.
func (s *Server) Reload(cfg ServerConfig) error {
	opts, err := cfg.options()
	if err == nil {
		err = s.ns.ReloadOptions(opts)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReload, err)
	}
	return nil
}

// URL is how a client on this machine connects, its credential included if the
// server has a single one.
func (s *Server) URL() string { return s.url }

// Shutdown disconnects the clients, stops the server and waits until it is
// gone. What is stored stays, and another broker may have the store directory. It
// may be called more than once.
func (s *Server) Shutdown() {
	s.stop()
	s.watched.Wait()
	if s.ns != nil {
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
	}
	if s.store != nil {
		s.store.close()
	}
}

// RandomCredential returns a token that cannot be guessed, of letters and
// digits only.
func RandomCredential() string { return rand.Text() }

func (cfg ServerConfig) options() (*server.Options, error) {
	if cfg.ConfigFile != "" {
		opts, err := server.ProcessConfigFile(cfg.ConfigFile)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", cfg.ConfigFile, err)
		}
		if !opts.JetStream {
			return nil, fmt.Errorf("%w in %s: add a jetstream block with a store_dir", ErrNoJetStream, cfg.ConfigFile)
		}
		opts.NoSigs = true
		return opts, nil
	}
	opts := &server.Options{
		Host:                   cfg.Host,
		Port:                   cfg.Port,
		Authorization:          cfg.Token,
		JetStream:              true,
		StoreDir:               cfg.StoreDir,
		SyncAlways:             cfg.SyncAlways,
		PingInterval:           pingInterval, // as for clients: notice a peer that vanished
		MaxPingsOut:            maxPingsOutstanding,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	}
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	if opts.Port == 0 {
		opts.Port = server.DEFAULT_PORT
	}
	opts.Username, opts.Password = cfg.User, cfg.Password
	if opts.StoreDir == "" {
		return nil, errors.New("no store directory: name one that outlives a reboot")
	}
	return opts, cfg.secure(opts)
}

// tlsTimeout bounds a handshake.
const tlsTimeout = 5 * time.Second

func (cfg ServerConfig) secure(opts *server.Options) (err error) {
	if cfg.Cert == "" && cfg.Key == "" && cfg.CA == "" {
		return nil
	}
	opts.TLS, opts.TLSVerify, opts.TLSTimeout = true, cfg.CA != "", tlsTimeout.Seconds()
	opts.TLSConfig, err = server.GenTLSConfig(&server.TLSConfigOpts{
		CertFile: cfg.Cert, KeyFile: cfg.Key, CaFile: cfg.CA, Verify: cfg.CA != "",
	})
	if err != nil {
		return fmt.Errorf("%w: a certificate and its key are needed, and authorities to ask clients for theirs", err)
	}
	return nil
}

// probePort finds a common mistake in time to say what to do.
func probePort(opts *server.Options) error {
	if opts.Port <= 0 {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(opts.Host, strconv.Itoa(opts.Port)))
	if err != nil {
		return fmt.Errorf("%w: stop what uses the port, or choose another", err)
	}
	return l.Close()
}

// ready makes sure that what was started serves.
func (s *Server) ready(opts *server.Options) error {
	if fatal := s.log.fatal(); fatal != nil {
		return fatal
	}
	if !s.ns.ReadyForConnections(readyTimeout) {
		return fmt.Errorf("not ready for clients within %s", readyTimeout)
	}
	if !s.ns.JetStreamEnabled() {
		return ErrNoJetStream
	}
	// A member of a cluster is not healthy before it finds the others.
	if opts.Cluster.Port == 0 {
		return s.healthy()
	}
	return nil
}

const (
	healthTimeout  = time.Second
	healthInterval = 10 * time.Millisecond
)

// healthy asks the server for its health. It asks again for a while: the server allows
// itself a millisecond to see that it listens, which a busy machine may take from it.
func (s *Server) healthy() error {
	for end := time.Now().Add(healthTimeout); ; time.Sleep(healthInterval) {
		health := s.ns.Healthz(nil)
		if health.Status == "ok" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("unhealthy: %s %s", health.Status, health.Error)
		}
	}
}

func clientURL(addr net.Addr, opts *server.Options) string {
	u := url.URL{Scheme: "nats"}
	if opts.TLSConfig != nil {
		u.Scheme = "tls"
	}
	switch {
	case opts.Username != "":
		u.User = url.UserPassword(opts.Username, opts.Password)
	case opts.Authorization != "":
		u.User = url.User(opts.Authorization)
	}
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	} else if h := opts.Host; net.ParseIP(h) == nil {
		host = h // keep the name that a certificate may be made out to
	}
	u.Host = net.JoinHostPort(host, port)
	return u.String()
}
