package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/internal/broker"
)

// tokenEnv holds the credential, since anybody can read a program's arguments.
const tokenEnv = "MUSTER_TOKEN"

func serveCommand() *cobra.Command {
	var listen, store, config, passwordFile string
	var secure broker.ServerConfig
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a broker: nats-server with JetStream",
		Long: `Serve runs a broker until SIGINT or SIGTERM: nats-server with JetStream, within
this program. What is stored stays for the next start with the same directory.

If ` + tokenEnv + ` is set, clients must present it; with --user they are that user
instead. With --tlscert and --tlskey they connect by TLS, and with --tlsca they need
a certificate of their own. A user for each role, with its permissions, is a matter of
--config: see deploy/nats and docs/security.md.

One broker at a time uses a directory: a second one ends at once. SIGHUP reads the
configuration, the password and the certificates again; clients stay connected. A
configuration that is wrong changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config != "" {
				for _, flag := range []string{"listen", "store", "user", "password-file", "tlscert", "tlskey", "tlsca"} {
					if cmd.Flags().Changed(flag) {
						return usage("--config stands for the whole configuration; leave out --%s", flag)
					}
				}
			}
			return serve(cmd.Context(), func() (broker.ServerConfig, error) {
				cfg := secure
				cfg.StoreDir, cfg.ConfigFile, cfg.Logger = store, config, slog.Default()
				if cfg.User == "" {
					cfg.Token = os.Getenv(tokenEnv)
				}
				if config != "" {
					return cfg, nil
				}
				var err error
				if cfg.Password, err = readPassword(cfg.User, passwordFile); err != nil {
					return cfg, err
				}
				if (cfg.User == "") != (cfg.Password == "") {
					return cfg, usage("--user and --password-file belong together")
				}
				cfg.Host, cfg.Port, err = splitListen(listen)
				return cfg, err
			})
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4222", "`HOST:PORT` to listen at; port 0 means any free one")
	cmd.Flags().StringVar(&store, "store", defaultStore(), "`DIR` to keep the queues in")
	cmd.Flags().StringVar(&secure.User, "user", "", "`NAME` of the only user")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` with the user's password")
	cmd.Flags().StringVar(&secure.Cert, "tlscert", "", "`FILE` with the broker's certificate")
	cmd.Flags().StringVar(&secure.Key, "tlskey", "", "`FILE` with the certificate's private key")
	cmd.Flags().StringVar(&secure.CA, "tlsca", "", "`FILE` with who signs the certificates that clients must have")
	cmd.Flags().StringVar(&config, "config", "", "a whole nats-server configuration `FILE`, instead of the other flags and "+tokenEnv)
	return cmd
}

// serve runs a broker until ctx ends or its store is lost. It reads the configuration
// when it starts and at each SIGHUP.
func serve(ctx context.Context, read func() (broker.ServerConfig, error)) error {
	becomeService()
	hangups := notifyHangups()
	cfg, err := read()
	if err != nil {
		return err
	}
	if cfg.ConfigFile == "" && cfg.Token == "" && cfg.User == "" && cfg.CA == "" && !isLoopback(cfg.Host) {
		report("muster: warning: whoever reaches %s can run tasks; set %s, or use --config with credentials", cfg.Host, tokenEnv)
	}
	server, err := broker.StartServer(cfg)
	if err != nil {
		return err
	}
	defer server.Shutdown()
	where := "store " + cfg.StoreDir
	if cfg.ConfigFile != "" {
		where = "configuration " + cfg.ConfigFile
	}
	report("muster: broker ready at %s, %s", broker.Redact(server.URL()), where)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-server.Lost():
			return err
		case <-hangups:
			cfg, err := read()
			if err == nil {
				err = server.Reload(cfg)
			}
			if err != nil {
				report("muster: the broker goes on as before: %s", oneLine(err))
				continue
			}
			report("muster: configuration reloaded")
		}
	}
}

// splitListen takes HOST:PORT apart. No host means every interface.
func splitListen(listen string) (host string, port int, err error) {
	host, service, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, usage("--listen %s: write it like 127.0.0.1:4222", listen)
	}
	number, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, usage("--listen %s: the port must be a number from 0 to 65535", listen)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if number == 0 {
		return host, -1, nil
	}
	return host, int(number), nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// defaultStore is where the user's programs keep their data, or "" if there is
// no such place.
func defaultStore() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "muster")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "muster")
}
