package secure

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// rare has a handler in the processes of hosts that were told so.
var rare = codec.NewFunc[int, int]("rare")

const rareEnv = "SECURE_RARE"

func handleRare() {
	if os.Getenv(rareEnv) != "" {
		consumer.Handle(rare, func(_ context.Context, n int) (int, error) { return n, nil })
	}
}

func (s *stage) rareHost() {
	host, err := pool.Start(s.ctx, pool.Config{
		URL: s.url, Credentials: s.worker, Host: "rare", Processes: 1, Env: []string{rareEnv + "=1"},
		Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(host.Kill)
}

func TestAHostMayAskWhoHasAFunc(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	s.host()
	s.rareHost()
	client := s.client(s.billing)
	for i := range 10 {
		f, err := producer.Submit(s.ctx, client, rare, i)
		require.NoError(t, err)
		n, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, i, n)
	}
}

// With permissions from before hosts asked each other, tasks fail as they did, and
// the log says why once.
func TestPermissionsThatDoNotLetAHostAsk(t *testing.T) {
	for name, line := range map[string]string{
		"to subscribe": `"muster.host.*"          # the other hosts' funcs`,
		"to publish":   "    \"muster.host.*\"\n    \"muster.watch\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "one-node.conf", "", func(permissions string) string {
				instead := ""
				if name == "to publish" {
					instead = "    \"muster.host.*\"\n"
				}
				require.Contains(t, permissions, line)
				return strings.Replace(permissions, line, instead, 1)
			})
			require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
			var log lockedBuffer
			s.logger = slog.New(slog.NewTextHandler(&log, nil))
			s.host()
			client := s.client(s.billing)
			for range 5 {
				f, err := producer.Submit(s.ctx, client, rare, 0)
				require.NoError(t, err)
				require.ErrorIs(t, f.Err(s.ctx), codec.ErrUnknownFunc)
			}
			require.Equal(t, 1, strings.Count(log.String(), "refuses to ask them"), log.String())
			f, err := producer.Submit(s.ctx, client, double, 21)
			require.NoError(t, err)
			n, err := f.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, 42, n)
		})
	}
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
