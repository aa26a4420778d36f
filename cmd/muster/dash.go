package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
	dashboard "github.com/musterfleet/muster/internal/dash"
	"github.com/musterfleet/muster/producer"
)

// dashFlags say what muster dash shows, and to whom.
type dashFlags struct {
	to           operator
	host         string
	port         int
	passwordFile string
	cfg          dashboard.Config
}

func dashCommand() *cobra.Command {
	var flags dashFlags
	var listen string
	cmd := &cobra.Command{
		Use:   "dash",
		Short: "Show the fleet in a browser, live",
		Long: `Dash serves pages that show the fleet live: what each worker process runs, queues,
hosts, failures with their stderr, dead letters, and any task by its id.

It changes nothing, unless started with --allow-actions: then whoever reaches it can
pause queues, drain and resize hosts, kill processes, retry and remove dead letters,
and cancel tasks, as far as the broker lets it.

Beyond this machine, use --viewer-password-file, and a proxy with TLS before it.`,
		Example: `  muster dash
  muster dash --listen :8080 --viewer-password-file /etc/muster/dash.password --allow-actions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			becomeService()
			if err := flags.check(listen); err != nil {
				return err
			}
			return flags.to.with(cmd.Context(), func(f *fleet.Fleet) error { return flags.serve(cmd.Context(), f) })
		},
	}
	flags.to.add(cmd)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`HOST:PORT` to listen at; port 0 means any free one")
	cmd.Flags().BoolVar(&flags.cfg.Actions, "allow-actions", false, "let viewers change the fleet")
	cmd.Flags().StringVar(&flags.cfg.User, "viewer", "muster", "`NAME` to ask viewers for, with --viewer-password-file")
	cmd.Flags().StringVar(&flags.passwordFile, "viewer-password-file", "", "`FILE` whose first line is the password to ask viewers for")
	cmd.Flags().StringSliceVar(&flags.cfg.Names, "name", nil, "further host `NAME` to answer to on loopback, such as a proxy's")
	return cmd
}

// check reads what the flags say.
func (d *dashFlags) check(listen string) (err error) {
	if d.host, d.port, err = splitListen(listen); err != nil {
		return err
	}
	d.cfg.Loopback = isLoopback(d.host)
	if d.passwordFile != "" {
		text, err := os.ReadFile(d.passwordFile)
		if err != nil {
			return fmt.Errorf("reading the password: %w", err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		if d.cfg.Password = strings.TrimSpace(line); d.cfg.Password == "" {
			return usage("--viewer-password-file %s: its first line is empty", d.passwordFile)
		}
	}
	if d.cfg.Loopback || d.cfg.Password != "" {
		return nil
	}
	if d.cfg.Actions {
		return usage("--allow-actions at %s: whoever reaches it could change the fleet; add --viewer-password-file", listen)
	}
	report("muster: warning: whoever reaches %s sees arguments and output of tasks; add --viewer-password-file", listen)
	return nil
}

func (d *dashFlags) serve(ctx context.Context, f *fleet.Fleet) error {
	d.cfg.Fleet, d.cfg.Logger = f, slog.Default()
	if !d.cfg.Actions {
		return d.listen(ctx)
	}
	return withClient(ctx, &d.to.connection, func(c *producer.Client) error {
		d.cfg.Client = c
		return d.listen(ctx)
	}, producer.WithoutStreams())
}

func (d *dashFlags) listen(ctx context.Context) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(d.host, strconv.Itoa(max(d.port, 0))))
	if err != nil {
		return err
	}
	defer listener.Close()
	server, err := dashboard.New(ctx, d.cfg)
	if err != nil {
		return err
	}
	report("muster: dashboard ready at http://%s/", listener.Addr())
	return server.Serve(ctx, listener)
}
